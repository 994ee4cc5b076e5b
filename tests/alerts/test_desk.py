"""From the outbox to incidents and notices, in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.alerts import desk
from jobs.executions.outbox import note_verdicts
from jobs.models import (
    AlertEvent,
    AlertIncident,
    AlertNotice,
    AlertRule,
    Job,
    JobExecution,
    Kind,
    Status,
)
from jobs.registry import isolated_registry, scheduled_task
from tests.factories import make_channel, make_execution, make_job, make_rule

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _task() -> Any:
    with isolated_registry():

        @scheduled_task
        def send_report() -> None: ...

        yield


def verdict(job_id: str, status: Status = Status.FAILED, **fields: Any) -> JobExecution:
    """An execution as it is noted."""
    execution = make_execution(job_id, status=status, **fields)
    with connection.cursor() as cursor:
        note_verdicts(cursor, [execution.pk])
    return execution


def notices() -> list[tuple[str, str, bool]]:
    rows = AlertNotice.objects.order_by("pk")
    return list(rows.values_list("channel__name", "incident__job_id", "is_recovery"))


def test_an_event_becomes_an_incident_and_a_notice_for_each_channel() -> None:
    make_rule(make_channel("mail"), make_channel("chat"), name="all")
    execution = verdict("a", error="boom")
    assert desk.judge_events() == 1
    incident = AlertIncident.objects.get()
    assert (incident.rule_name, incident.job_name) == ("all", "Job a")
    assert (incident.execution_id, incident.count) == (execution.pk, 1)
    assert incident.is_open
    assert sorted(notices()) == [("chat", "a", False), ("mail", "a", False)]
    assert not AlertEvent.objects.exists()


def test_the_outbox_is_judged_once() -> None:
    make_rule()
    verdict("a")
    assert [desk.judge_events(), desk.judge_events()] == [1, 0]
    assert len(notices()) == 1


def test_three_in_a_row_over_several_judgements_and_then_a_recovery() -> None:
    make_rule(make_channel("mail"), threshold=3)
    for _ in range(4):
        verdict("a")
        desk.judge_events()
    assert notices() == [("mail", "a", False)]
    recovery = verdict("a", Status.SUCCEEDED)
    verdict("a", Status.SUCCEEDED)
    desk.judge_events()
    assert notices() == [("mail", "a", False), ("mail", "a", True)]
    incident = AlertIncident.objects.get()
    assert (incident.count, incident.recovery_id) == (4, recovery.pk)
    assert incident.closed_at is not None


def test_another_failure_after_the_recovery_is_another_incident() -> None:
    make_rule(make_channel("mail"))
    for status in (Status.FAILED, Status.SUCCEEDED, Status.FAILED):
        verdict("a", status)
        desk.judge_events()
    assert [over for _name, _job, over in notices()] == [False, True, False]
    assert AlertIncident.objects.count() == 2


def test_a_channel_or_rule_that_is_switched_off_is_told_nothing() -> None:
    make_rule(make_channel("on"), make_channel("off", is_enabled=False))
    make_rule(make_channel("other"), is_enabled=False)
    verdict("a")
    desk.judge_events()
    assert notices() == [("on", "a", False)]


def test_events_that_no_rule_waits_for_leave_the_outbox() -> None:
    make_rule(pattern="etl-*")
    verdict("a")
    assert desk.judge_events() == 1
    assert not AlertEvent.objects.exists()
    assert not AlertIncident.objects.exists()


def test_a_thousand_events_cost_no_more_statements_than_one() -> None:
    make_rule(make_channel())

    def cost(*jobs: str) -> int:
        executions = [make_execution(job_id, status=Status.FAILED) for job_id in jobs]
        with connection.cursor() as cursor:
            note_verdicts(cursor, [execution.pk for execution in executions])
        with CaptureQueriesContext(connection) as queries:
            desk.judge_events()
        return len(queries)

    few = cost("a")
    assert cost(*(f"job-{n}" for n in range(300))) <= few + 6  # SQLite inserts in parts
    assert few <= 14
    assert AlertNotice.objects.count() == 301


def test_nothing_to_judge_costs_one_statement() -> None:
    make_rule()
    with CaptureQueriesContext(connection) as queries:
        desk.judge_events()
    assert len(queries) == 1


def test_events_that_another_leader_judged_meanwhile_are_not_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_rule()
    verdict("a")
    genuine = desk.judge

    def slow(*given: Any) -> Any:
        monkeypatch.setattr(desk, "judge", genuine)
        desk.judge_events()  # the other one
        return genuine(*given)

    monkeypatch.setattr(desk, "judge", slow)
    with pytest.raises(desk.TakenByAnother):
        desk.judge_events()
    assert len(notices()) == 1
    assert AlertIncident.objects.get().count == 1


def test_what_is_not_saved_stays_in_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the leader dies in the middle."""
    make_rule()
    verdict("a")

    def dying(*given: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(desk, "_save", dying)
        with pytest.raises(RuntimeError):
            desk.judge_events()
    assert AlertEvent.objects.count() == 1
    desk.judge_events()
    assert len(notices()) == 1


def test_a_rule_that_sql_made_unreadable_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("other databases refuse it")
    bad = make_rule(make_channel("bad"))
    make_rule(make_channel("good"))
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = 1")
        cursor.execute("UPDATE jobs_alertrule SET threshold = 'x' WHERE id = %s", [bad.pk])
        cursor.execute("PRAGMA ignore_check_constraints = 0")
    verdict("a")
    desk.judge_events()
    assert notices() == [("good", "a", False)]
    assert "alert.rule_unreadable" in [record.event for record in caplog.records]  # type: ignore[attr-defined]


# -- Time ------------------------------------------------------------------------------------


def running(job_id: str, minutes: float) -> JobExecution:
    started = NOW - timedelta(minutes=minutes)
    return make_execution(job_id, status=Status.RUNNING, started_at=started)


def test_a_run_that_takes_too_long_is_told_once_and_when_it_has_ended() -> None:
    make_rule(make_channel("mail"), kind=Kind.RUNNING_LONG.value, duration_s=600)
    long, _short = running("a", 11), running("b", 9)
    desk.look_at_times(NOW)
    desk.look_at_times(NOW)
    assert notices() == [("mail", "a", False)]
    assert AlertIncident.objects.get().execution_id == long.pk
    done = {"status": Status.FAILED, "finished_at": NOW, "released_at": NOW}
    JobExecution.objects.filter(pk=long.pk).update(**done)
    desk.look_at_times(NOW)
    assert notices()[1:] == [("mail", "a", True)]


@pytest.fixture
def no_success() -> AlertRule:
    """For jobs without success for an hour, and older than that itself."""
    rule = make_rule(make_channel("mail"), kind=Kind.NO_SUCCESS.value, duration_s=3600)
    AlertRule.objects.update(changed_at=NOW - timedelta(days=9))
    return rule


def old_job(job_id: str, **fields: Any) -> Job:
    job = make_job(job_id)
    Job.objects.filter(pk=job_id).update(updated_at=NOW - timedelta(days=2), **fields)
    return job


def succeeded(job_id: str, minutes_ago: float) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    make_execution(job_id, finished_at=at, released_at=at)


def test_jobs_without_success_for_too_long_are_told_once(no_success: AlertRule) -> None:
    for job_id in ("never", "long-ago", "lately", "failing"):
        old_job(job_id)
    succeeded("long-ago", 90)
    succeeded("lately", 50)
    succeeded("failing", 90)
    make_execution("failing", status=Status.FAILED, finished_at=NOW, released_at=NOW)
    desk.look_at_times(NOW)
    desk.look_at_times(NOW)
    assert sorted(job for _name, job, _over in notices()) == ["failing", "long-ago", "never"]
    verdict("never", Status.SUCCEEDED)
    desk.judge_events()
    assert notices()[3:] == [("mail", "never", True)]


def test_no_success_is_expected_of_jobs_that_do_not_run_or_were_just_changed(
    no_success: AlertRule,
) -> None:
    old_job("disabled", is_enabled=False)
    old_job("paused", is_paused=True)
    make_job("new")
    old_job("other")
    desk.look_at_times(NOW)
    assert notices() == [("mail", "other", False)]


def test_a_new_rule_gives_jobs_its_time(no_success: AlertRule) -> None:
    old_job("a")
    AlertRule.objects.update(changed_at=NOW - timedelta(minutes=59))
    desk.look_at_times(NOW)
    assert notices() == []


def test_a_look_at_times_costs_a_constant_number_of_statements(no_success: AlertRule) -> None:
    make_rule(kind=Kind.RUNNING_LONG.value, duration_s=600)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            desk.look_at_times(NOW)
        return len(queries)

    old_job("a")
    desk.look_at_times(NOW)
    few = cost()
    for n in range(20):
        job_id = old_job(f"job-{n}").pk
        succeeded(job_id, 5)
        running(job_id, 5)
    assert cost() <= few + 1
    assert few <= 6
    assert cost() == cost()


def test_without_rules_about_time_a_look_costs_one_statement() -> None:
    make_rule()
    with CaptureQueriesContext(connection) as queries:
        desk.look_at_times(NOW)
    assert len(queries) == 1


def test_incidents_of_deleted_jobs_close_in_silence() -> None:
    make_rule()
    make_job("there")
    verdict("there")
    verdict("gone")
    desk.judge_events()
    told = len(notices())
    desk.close_of_gone_jobs(NOW)
    unresolved = AlertIncident.objects.unresolved()
    assert list(unresolved.values_list("job_id", flat=True)) == ["there"]
    assert len(notices()) == told
