from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.control.schedule import accept_default_zone, suspects, trigger_of
from jobs.control.schedule import repair as repair_some
from jobs.executions.revision import CHANNEL, bump_revision
from jobs.models import AuditEvent, Job, Revision, SchedulerLease
from jobs.registry import scheduled_task
from jobs.triggers import next_fire
from tests.control.conftest import revision
from tests.factories import ACTOR, make_job


def repair(*, now: datetime) -> tuple[list[str], list[str]]:
    """As a new leader does it, in one batch."""
    found = repair_some(suspects("", among=1000)[0], now=now)
    accept_default_zone()
    return found.broke, found.mended


NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_repair_marks_what_broke_and_mends_what_works_again() -> None:
    for job_id in ("good", "gone", "misfit"):
        make_job(job_id, trigger_params={"hour": 3})
    Job.objects.filter(pk="gone").update(function="no_such_task")
    Job.objects.filter(pk="misfit").update(kwargs={"old_name": 1}, problem="found when it was due")
    version = Job.objects.get(pk="gone").version

    assert repair(now=NOW) == (["gone", "misfit"], [])
    assert "no_such_task" in Job.objects.get(pk="gone").problem
    assert "old_name" in Job.objects.get(pk="misfit").problem
    armed = DjangoJob.objects.filter(next_run_time__isnull=False)
    assert list(armed.values_list("pk", flat=True)) == ["good"]
    assert Job.objects.get(pk="gone").version == version
    assert repair(now=NOW) == ([], []), "looking again changes nothing"

    scheduled_task(name="no_such_task")(lambda: None)
    Job.objects.filter(pk="misfit").update(kwargs={})
    assert repair(now=NOW) == ([], ["gone", "misfit"])
    job = Job.objects.get(pk="gone")
    assert job.problem == ""
    assert DjangoJob.objects.get(pk="gone").next_run_time == next_fire(trigger_of(job), NOW)

    events = list(AuditEvent.objects.filter(via="scheduler", job_id="gone").order_by("pk"))
    assert [event.action for event in events] == ["job.break", "job.mend"]
    assert events[0].after == events[1].before
    assert "no_such_task" in events[0].after["problem"]


@pytest.mark.django_db
def test_repair_costs_the_same_for_one_healthy_job_and_for_many(
    django_assert_num_queries: Any,
) -> None:
    make_job("one")
    repair(now=NOW)
    with CaptureQueriesContext(connection) as few:
        repair(now=NOW)
    for number in range(20):
        make_job(f"job-{number}")
    with django_assert_num_queries(len(few)):
        repair(now=NOW)


@pytest.mark.django_db
def test_next_runs_follow_the_default_zone_when_that_has_changed() -> None:
    SchedulerLease.objects.create(pk=1)
    params = {"hour": 3, "minute": 0}
    make_job("default", trigger_params=params)
    make_job("own", trigger_params=params, timezone="America/New_York")
    make_job("due", trigger_params=params)
    make_job("every", trigger_type="interval", trigger_params={"hours": 1})
    now = datetime.now(UTC)
    DjangoJob.objects.filter(pk="due").update(next_run_time=now)
    repair(now=now)
    before = dict(DjangoJob.objects.values_list("pk", "next_run_time"))
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        repair(now=now)
    after = dict(DjangoJob.objects.values_list("pk", "next_run_time"))
    moved = after.pop("default")
    assert moved is not None
    assert moved.astimezone(ZoneInfo("Asia/Tokyo")).hour == 3
    assert moved != before.pop("default")
    assert after == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"trigger_type": "date", "trigger_params": {}},
        {"trigger_params": {"hour": 99}},
        {"trigger_params": [1]},
        {"timezone": "Mars/Olympus"},
        {"executor": "gpu"},
    ],
)
def test_repair_is_not_stopped_by_one_jobs_nonsense(fields: dict[str, Any]) -> None:
    make_job("bad")
    make_job("good")
    Job.objects.filter(pk="bad").update(**fields)
    DjangoJob.objects.all().delete()
    assert repair(now=NOW) == (["bad"], [])
    assert DjangoJob.objects.get(pk="bad").next_run_time is None
    assert DjangoJob.objects.get(pk="good").next_run_time is not None


@pytest.mark.django_db
def test_repair_gives_a_missing_schedule_row_to_each_job_as_it_stands() -> None:
    until = NOW + timedelta(days=3, hours=1)
    for job_id in ("good", "off", "paused", "waiting"):
        make_job(job_id, trigger_params={"hour": 12, "minute": 0}, timezone="UTC")
    control.disable("off", actor=ACTOR)
    control.pause("paused", actor=ACTOR)
    control.pause("waiting", actor=ACTOR, until=until)
    DjangoJob.objects.all().delete()
    assert repair(now=NOW) == ([], [])
    assert dict(DjangoJob.objects.values_list("pk", "next_run_time")) == {
        "good": NOW + timedelta(days=1),
        "off": None,
        "paused": None,
        "waiting": NOW + timedelta(days=4),
    }


@pytest.mark.django_db
def test_repair_does_not_move_what_is_due() -> None:
    make_job("due")
    DjangoJob.objects.update(next_run_time=NOW - timedelta(hours=1))
    repair(now=NOW)
    assert DjangoJob.objects.get().next_run_time == NOW - timedelta(hours=1)


@pytest.mark.django_db
def test_jitter_differs_between_jobs_of_one_trigger_and_stays_what_it_is() -> None:
    params = {"hour": "3", "minute": "0", "jitter": 3600}
    runs = {
        make_job(f"job-{number}", trigger_params=params).pk: DjangoJob.objects.get(
            pk=f"job-{number}"
        ).next_run_time
        for number in range(5)
    }
    assert len(set(runs.values())) > 1
    DjangoJob.objects.all().delete()
    with transaction.atomic():
        repair(now=datetime.now(UTC))
    assert dict(DjangoJob.objects.values_list("pk", "next_run_time")) == runs


@pytest.mark.django_db
def test_the_revision_grows_by_one_from_nothing() -> None:
    Revision.objects.all().delete()
    for expected in (1, 2, 3):
        bump_revision()
        assert revision() == expected


@pytest.mark.django_db
def test_what_fails_after_the_change_takes_everything_back(
    monkeypatch: pytest.MonkeyPatch, nothing_changes: Any
) -> None:
    make_job("job")

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("jobs.control.job.bump_revision", fail)
    with nothing_changes():
        with pytest.raises(ZeroDivisionError):
            make_job("other")
        with pytest.raises(ZeroDivisionError):
            control.change("job", {"trigger_params": {"hour": 9}}, actor=ACTOR)
        with pytest.raises(ZeroDivisionError):
            control.delete("job", actor=ACTOR)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="NOTIFY is PostgreSQL's")
def test_a_change_notifies_who_listens_after_its_commit_and_a_refusal_does_not() -> None:
    given = connection.get_connection_params()
    given = {
        key: given[key] for key in ("host", "port", "user", "password", "dbname") if key in given
    }
    with psycopg.connect(**given, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")

        def heard(seconds: float) -> list[str]:
            return [note.channel for note in listener.notifies(timeout=seconds, stop_after=1)]

        make_job("job")
        assert heard(10) == [CHANNEL]
        control.enable("job", actor=ACTOR)
        with pytest.raises(control.JobExists):
            make_job("job")
        with transaction.atomic():
            control.disable("job", actor=ACTOR)
            assert heard(0) == [], "not before the commit, and not for what changed nothing"
        assert heard(10) == [CHANNEL]
    assert AuditEvent.objects.count() == 2
