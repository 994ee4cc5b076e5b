"""The same request from several connections at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django_apscheduler.models import DjangoJob

from jobs.control import execution as execution_control
from jobs.control import job as control
from jobs.control.rights import set_right
from jobs.errors import SchedulerError
from jobs.executions.finish import Verdict, write_verdicts
from jobs.models import AuditEvent, Job, JobExecution, JobUserPermission, Status
from jobs.models.grant import WORDS, grants_on
from jobs.models.rights import Right
from tests.control.conftest import revision
from tests.factories import ACTOR, make_execution, make_job, make_user

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 4


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Results, or errors, of calls that start together, each on a connection of its own."""
    start = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            start.wait(10)
            results[index] = call()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    unexpected = [
        found
        for found in results
        if isinstance(found, Exception) and not isinstance(found, SchedulerError)
    ]
    assert unexpected == []
    return results


def kinds(results: list[Any]) -> list[str]:
    return sorted(type(found).__name__ for found in results)


def test_one_id_is_created_once() -> None:
    results = at_once(*[lambda: make_job("job")] * AT_ONCE)
    assert kinds(results) == ["Job"] + ["JobExists"] * (AT_ONCE - 1)
    assert AuditEvent.objects.count() == revision() == 1


def test_who_finds_the_id_free_and_loses_gets_the_same_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_job("job")
    number = revision()
    # As if the other had committed after this one looked.
    monkeypatch.setattr("jobs.models.job.JobQuerySet.exists", lambda rows: False)
    with pytest.raises(control.JobExists):
        make_job("job")
    assert (revision(), AuditEvent.objects.count()) == (number, 1)


def test_rights_that_are_given_at_one_moment_are_one_in_the_end() -> None:
    make_job("job")
    make_user(name="ann")
    boss = make_user("manage_job")
    rights: tuple[Right, ...] = ("view_job", "run_job", "manage_job", "run_job")
    at_once(
        *(
            partial(set_right, "job", right, user="ann", requester=boss, actor=ACTOR)
            for right in rights
        )
    )
    assert JobUserPermission.objects.count() == 1
    events = AuditEvent.objects.filter(action="rights.change").order_by("pk")
    before = None
    for event in events:
        assert event.before == {"right": before}
        before = (event.after or {})["right"]
    assert [WORDS[grant.right] for grant in grants_on("job")] == [before]


def test_no_update_is_lost() -> None:
    make_job("job")
    results = at_once(
        lambda: control.change("job", {"name": "Renamed"}, actor=ACTOR),
        lambda: control.change("job", {"timeout": 9}, actor=ACTOR),
        lambda: control.pause("job", actor=ACTOR),
        lambda: control.change("job", {"trigger_params": {"hour": 9}}, actor=ACTOR),
    )
    assert kinds(results) == ["Job"] * 4
    job = Job.objects.get()
    assert (job.name, job.timeout, job.is_paused) == ("Renamed", 9, True)
    assert job.trigger_params == {"hour": "9"}
    assert (job.version, revision(), AuditEvent.objects.count()) == (5, 5, 5)


def test_of_two_changes_of_one_version_one_is_refused() -> None:
    make_job("job")
    results = at_once(
        *[
            lambda name=name: control.change("job", {"name": name}, actor=ACTOR, expected_version=1)
            for name in ("First", "Second")
        ]
    )
    assert kinds(results) == ["Job", "VersionConflict"]
    (winner,) = [found for found in results if isinstance(found, Job)]
    assert Job.objects.get().name == winner.name


def test_a_change_and_a_deletion_do_not_leave_half_a_job() -> None:
    make_job("job")
    at_once(
        lambda: control.delete("job", actor=ACTOR),
        lambda: control.change("job", {"trigger_params": {"hour": 9}}, actor=ACTOR),
    )
    assert not Job.objects.exists()
    assert not DjangoJob.objects.exists()


def test_a_job_with_one_slot_is_run_once() -> None:
    make_job("job", max_instances=1)
    results = at_once(*[lambda: execution_control.run_now("job", actor=ACTOR)] * AT_ONCE)
    assert kinds(results) == ["JobBusy"] * (AT_ONCE - 1) + ["JobExecution"]
    assert JobExecution.objects.count() == 1


def test_run_now_and_retry_share_the_slots() -> None:
    make_job("job", max_instances=1)
    earlier = make_execution("job")
    results = at_once(
        lambda: execution_control.retry(earlier.pk, actor=ACTOR),
        lambda: execution_control.run_now("job", actor=ACTOR),
    )
    assert kinds(results) == ["JobBusy", "JobExecution"]


def test_an_execution_is_cancelled_by_one() -> None:
    make_job("job")
    execution = execution_control.run_now("job", actor=ACTOR)
    results = at_once(*[lambda: execution_control.cancel(execution.pk, actor=ACTOR)] * AT_ONCE)
    assert kinds(results) == ["JobExecution"] + ["NotRunning"] * (AT_ONCE - 1)
    assert AuditEvent.objects.filter(action="execution.cancel").count() == 1


def test_a_verdict_that_races_a_cancellation_stands() -> None:
    execution = make_execution("job", status=Status.RUNNING)
    now = datetime.now(UTC)
    verdict = Verdict(
        execution_id=execution.pk,
        job_id="job",
        scheduled_for=execution.scheduled_for,
        status=Status.SUCCEEDED,
        started_at=now,
        finished_at=now,
        released_at=now,
        duration_s=0.1,
    )

    def finish() -> None:
        with connection.cursor() as cursor:
            write_verdicts(cursor, execution.owner, [verdict], verdict.finished_at)

    asked, _finished = at_once(lambda: execution_control.cancel(execution.pk, actor=ACTOR), finish)
    execution.refresh_from_db()
    assert execution.status == Status.SUCCEEDED
    was_asked = isinstance(asked, JobExecution)
    assert (execution.cancel_requested_at is not None) == was_asked
    assert AuditEvent.objects.exists() == was_asked
