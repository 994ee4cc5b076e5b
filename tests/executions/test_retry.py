"""Which runs are tried again, when, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from jobs.control import job as control
from jobs.executions.claim import next_due
from jobs.executions.fencing import Lease
from jobs.executions.finish import Verdict, write_verdicts
from jobs.executions.hand_out import Handout, Late, hand_out, miss_late
from jobs.executions.recovery import interrupt_orphans
from jobs.executions.retry import JITTER, MAX_DELAY_S, MAX_RERUNS, delay_s
from jobs.models import JobExecution, Source, Status
from jobs.models.execution import UNFINISHED
from jobs.registry import RetryPolicies
from tests.control.conftest import revision
from tests.factories import ACTOR, make_execution, make_job

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
LEASE = Lease("one", 1, NOW - timedelta(hours=1))

pytestmark = pytest.mark.django_db


def flaky(**fields: object) -> None:
    make_job("flaky", function="work", **fields)


def running(**fields: object) -> JobExecution:
    given = {"status": Status.RUNNING, "finished_at": None, "released_at": None, "owner": "one"}
    return make_execution(**{"job_id": "flaky", **given, **fields})


def verdict_of(execution: JobExecution, status: Status = Status.FAILED) -> Verdict:
    return Verdict(
        execution_id=execution.pk,
        job_id=str(execution.job_id),
        scheduled_for=execution.scheduled_for,
        status=status,
        started_at=NOW,
        finished_at=NOW,
        released_at=NOW,
        duration_s=0.1,
        attempt=execution.attempt,
    )


def end(execution: JobExecution, status: Status = Status.FAILED, **fields: object) -> None:
    verdict = replace(verdict_of(execution, status), **fields)  # type: ignore[arg-type]
    with transaction.atomic(), connection.cursor() as cursor:
        write_verdicts(cursor, "one", [verdict], NOW)


def retry_of(execution: JobExecution) -> JobExecution | None:
    return JobExecution.objects.filter(retry_of=execution, source=Source.RETRY).first()


def offered(now: datetime) -> tuple[list[Handout], list[Late]]:
    with transaction.atomic(), connection.cursor() as cursor:
        return hand_out(cursor, LEASE, executor="threads", now=now, limit=10)


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMED_OUT])
def test_a_run_that_failed_is_queued_as_its_next_attempt_for_the_same_moment(
    status: Status,
) -> None:
    flaky(max_retries=2, retry_delay=30, misfire_grace_time=100)
    first = running(kwargs={"a": 1}, requested_by="ana", timeout_s=7)
    end(first, status)
    second = retry_of(first)
    assert second is not None
    assert (second.status, second.attempt, second.source) == (Status.QUEUED, 2, Source.RETRY)
    assert second.scheduled_for == first.scheduled_for
    assert (second.kwargs, second.requested_by, second.timeout_s) == ({"a": 1}, "ana", 7)
    assert second.start_after is not None
    assert second.start_before is not None
    assert 30 <= (second.start_after - NOW).total_seconds() <= 30 * (1 + JITTER)
    assert second.start_before - second.start_after == timedelta(seconds=100)


def test_the_attempts_end_with_the_retries() -> None:
    flaky(max_retries=1, retry_delay=0)
    first, last = running(), running(attempt=2)
    end(last)
    assert retry_of(last) is None
    end(first)
    assert retry_of(first) is not None


@pytest.mark.parametrize(
    "status", [Status.SUCCEEDED, Status.CANCELLED], ids=lambda status: status.value
)
def test_a_run_that_did_not_fail_is_not_tried_again(status: Status) -> None:
    flaky(max_retries=2)
    row = running()
    end(row, status)
    assert retry_of(row) is None


def test_a_run_that_somebody_wanted_to_end_is_not_tried_again() -> None:
    flaky(max_retries=2)
    row = running()
    end(row, is_final=True)
    assert retry_of(row) is None


def test_a_run_that_somebody_has_asked_to_cancel_is_not_tried_again() -> None:
    """Its own process need not have heard of that."""
    flaky(max_retries=2)
    row = running(cancel_requested_at=NOW, cancel_requested_by="ana")
    end(row)
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert retry_of(row) is None


def test_the_retries_of_the_task_and_of_the_settings_are_inherited(settings: object) -> None:
    flaky(max_retries=None)
    row = running()
    settings.SCHEDCORE = replace(settings.SCHEDCORE, max_retries=1)  # type: ignore[attr-defined]
    end(row)
    assert retry_of(row) is not None


@pytest.mark.parametrize("stop", [control.pause, control.disable, control.delete])
def test_a_job_that_was_stopped_meanwhile_is_not_tried_again(stop: object) -> None:
    flaky(max_retries=2)
    row = running()
    stop("flaky", actor=ACTOR)  # type: ignore[operator]
    end(row)
    assert retry_of(row) is None


@pytest.mark.parametrize("stop", [control.pause, control.disable, control.delete])
def test_a_retry_that_waits_goes_with_its_job(stop: object) -> None:
    flaky(max_retries=2)
    row = running()
    end(row)
    stop("flaky", actor=ACTOR)  # type: ignore[operator]
    waiting = retry_of(row)
    assert waiting is not None
    assert waiting.status == Status.CANCELLED


def test_a_verdict_that_is_written_twice_makes_one_retry() -> None:
    flaky(max_retries=2)
    row = running()
    end(row)
    end(row)
    assert JobExecution.objects.filter(retry_of=row).count() == 1


def test_a_verdict_that_comes_after_another_process_has_given_one_makes_no_retry() -> None:
    flaky(max_retries=2)
    row = running()
    JobExecution.objects.filter(pk=row.pk).update(
        status=Status.INTERRUPTED, finished_at=NOW, released_at=NOW
    )
    end(row)
    assert retry_of(row) is None


def test_a_retry_is_handed_out_when_its_time_has_come_and_holds_the_slot_till_then() -> None:
    flaky(max_retries=2, retry_delay=60, retry_backoff=1)
    row = running()
    end(row)
    assert JobExecution.objects.unreleased().filter(job_id="flaky").count() == 1
    with connection.cursor() as cursor:
        upcoming = next_due(cursor, NOW).retry
    assert upcoming is not None
    assert offered(upcoming - timedelta(seconds=1)) == ([], [])
    (handout,), _late = offered(upcoming)
    assert (handout.attempt, handout.source) == (2, Source.RETRY)


def test_a_retry_waits_for_the_thread_that_ignored_its_timeout() -> None:
    flaky(max_retries=2, retry_delay=0)
    row = running()
    end(row, Status.TIMED_OUT, released_at=None)
    assert offered(NOW) == ([], [])
    JobExecution.objects.filter(pk=row.pk).update(released_at=NOW)
    assert len(offered(NOW)[0]) == 1


def test_a_retry_is_missed_whose_earlier_attempt_was_still_going_and_says_so() -> None:
    flaky(max_retries=2, retry_delay=0, misfire_grace_time=20)
    row = running()
    end(row, Status.TIMED_OUT, released_at=None)
    with transaction.atomic(), connection.cursor() as cursor:
        (late,) = miss_late(cursor, LEASE, now=NOW + timedelta(seconds=21))
    assert late.job_id == "flaky"
    waiting = retry_of(row)
    assert waiting is not None
    assert (waiting.status, waiting.released_at) == (Status.MISSED, waiting.finished_at)
    assert waiting.reason == "Its earlier attempt was still going when its grace was over."


def test_a_retry_that_no_scheduler_could_start_in_time_is_missed_and_says_why() -> None:
    flaky(max_retries=2, retry_delay=10, misfire_grace_time=20)
    row = running()
    end(row)
    later = NOW + timedelta(hours=1)
    lease = replace(LEASE, since=later)
    with transaction.atomic(), connection.cursor() as cursor:
        given, missed = hand_out(cursor, lease, executor="threads", now=later, limit=10)
    assert given == []
    assert [late.job_id for late in missed] == ["flaky"]
    waiting = retry_of(row)
    assert waiting is not None
    assert waiting.status == Status.MISSED
    assert waiting.reason == "No scheduler was leading before its grace was over."


def test_runs_that_wait_behind_a_full_pool_are_missed_once_their_grace_is_over() -> None:
    late = make_execution(
        status=Status.QUEUED, finished_at=None, released_at=None, start_before=NOW, owner=""
    )
    patient = make_execution(status=Status.QUEUED, finished_at=None, released_at=None)
    with transaction.atomic(), connection.cursor() as cursor:
        found = miss_late(cursor, LEASE, now=NOW + timedelta(seconds=1))
    assert len(found) == 1
    late.refresh_from_db()
    patient.refresh_from_db()
    assert (late.status, patient.status) == (Status.MISSED, Status.QUEUED)
    assert late.reason == "No worker was free before its grace was over."


def test_the_delay_grows_by_its_factor_up_to_a_limit() -> None:
    policies = RetryPolicies(50, 10, 3.0, False)
    for attempt, least in ((1, 10), (2, 30), (3, 90), (50, MAX_DELAY_S)):
        assert least <= delay_s(policies, attempt) <= least * (1 + JITTER)
    assert len({delay_s(policies, 1) for _ in range(10)}) > 1


@pytest.mark.parametrize("delay", [0, 1, 2_000_000_000])
def test_no_delay_is_too_large_to_be_worked_out(delay: int) -> None:
    """SQL writes what no form would, and a power of that would overflow."""
    for attempt in (1, 2, 3, 1000):
        found = delay_s(RetryPolicies(1000, delay, 1e308, False), attempt)
        assert 0 <= found <= MAX_DELAY_S * (1 + JITTER)


# --- Rows that SQL has changed to nonsense ------------------------------------------------

POSTGRESQL = connection.vendor == "postgresql"

UNREADABLE = ["retry_backoff = 'NaN'", "retry_backoff = -1"]
"""Policies that tell nobody when to try again."""

ODD = ["retry_backoff = 1e308", "max_retries = 32767", "kwargs = '[1]'", "function = 'gone'"]
"""What does not keep them from being read."""

if POSTGRESQL:
    UNREADABLE += ["retry_backoff = 'Infinity'"]
    ODD += ["trigger_params = '" + "[" * 5000 + "]" * 5000 + "'", "anchor = 'infinity'"]
else:  # which takes anything for any column
    UNREADABLE += [
        "retry_delay = 'soon'",
        "max_retries = 'many'",
        "misfire_grace_time = 9223372036854775807",
        "misfire_grace_time = 'soon'",
    ]
    ODD += ["anchor = '2026-02-30 00:00:00'"]


def changed_by_sql(expression: str, **fields: object) -> None:
    """The job "flaky" with its row changed, and the sound job "other"."""
    make_job("other", function="work", **fields)
    flaky(**fields)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE jobs_job SET {expression} WHERE id = 'flaky'")


def fail_both(attempt: int = 1) -> tuple[JobExecution, JobExecution]:
    """The verdicts of a run of each, written by one statement."""
    mad, sound = running(attempt=attempt), running(job_id="other", attempt=attempt)
    verdicts = [verdict_of(mad), verdict_of(sound)]
    with transaction.atomic(), connection.cursor() as cursor:
        write_verdicts(cursor, "one", verdicts, NOW)
    mad.refresh_from_db()
    assert mad.status == Status.FAILED
    return mad, sound


@pytest.mark.parametrize("expression", UNREADABLE, ids=lambda text: text[:40])
def test_a_run_whose_jobs_retry_policies_cannot_be_read_fails_and_the_others_are_tried_again(
    expression: str, caplog: pytest.LogCaptureFixture
) -> None:
    changed_by_sql(expression, max_retries=5)
    mad, sound = fail_both(attempt=3)
    assert retry_of(mad) is None
    assert retry_of(sound) is not None
    assert [record.__dict__["job_id"] for record in caplog.records] == ["flaky"]


@pytest.mark.parametrize("expression", ODD, ids=lambda text: text[:40])
def test_a_run_is_tried_again_whatever_else_of_its_jobs_row_cannot_be_read(expression: str) -> None:
    changed_by_sql(expression, max_retries=5)
    mad, sound = fail_both(attempt=3)
    assert retry_of(mad) is not None
    assert retry_of(sound) is not None


@pytest.mark.parametrize("expression", UNREADABLE + ODD, ids=lambda text: text[:40])
def test_orphans_are_interrupted_though_a_jobs_row_cannot_be_read(expression: str) -> None:
    changed_by_sql(expression, rerun_if_interrupted=True)
    mad, sound = orphan(), orphan(job_id="other")
    recover()
    for row in (mad, sound):
        row.refresh_from_db()
        assert row.status == Status.INTERRUPTED
    assert (retry_of(mad) is not None) == (expression in ODD)
    assert retry_of(sound) is not None


# --- Interrupted --------------------------------------------------------------------------


def orphan(**fields: object) -> JobExecution:
    return running(owner="gone", **fields)


def recover() -> None:
    with transaction.atomic():
        interrupt_orphans(now=NOW)


def test_an_interrupted_run_stays_so_unless_its_job_wants_it_run_again() -> None:
    flaky(max_retries=5)
    row = orphan()
    recover()
    row.refresh_from_db()
    assert row.status == Status.INTERRUPTED
    assert retry_of(row) is None


def test_an_interrupted_run_is_run_again_at_once_where_its_job_wants_that() -> None:
    flaky(rerun_if_interrupted=True)
    row = orphan()
    recover()
    again = retry_of(row)
    assert again is not None
    assert (again.attempt, again.start_after) == (2, NOW)
    assert len(offered(NOW)[0]) == 1


def test_a_run_that_was_being_cancelled_when_its_process_died_is_not_run_again() -> None:
    flaky(rerun_if_interrupted=True)
    row = orphan(cancel_requested_at=NOW)
    recover()
    assert retry_of(row) is None


def test_an_interruption_counts_as_one_of_the_tries() -> None:
    flaky(rerun_if_interrupted=True, max_retries=1)
    recover_from = orphan()
    recover()
    again = retry_of(recover_from)
    assert again is not None
    JobExecution.objects.filter(pk=again.pk).update(status=Status.RUNNING, owner="one")
    end(again)
    assert retry_of(again) is None


def test_a_slot_that_is_released_is_told_to_the_leader() -> None:
    """A retry may have waited for it, in another process than the one that leads."""
    flaky()
    row = orphan(status=Status.TIMED_OUT, finished_at=NOW)
    before = revision()
    recover()
    row.refresh_from_db()
    assert (row.status, row.released_at) == (Status.TIMED_OUT, NOW)
    assert revision() == before + 1


def test_a_task_that_kills_its_schedulers_is_not_run_again_for_ever() -> None:
    flaky(rerun_if_interrupted=True, max_retries=0)
    row = orphan()
    for _time in range(MAX_RERUNS):
        recover()
        again = retry_of(row)
        assert again is not None
        JobExecution.objects.filter(pk=again.pk).update(status=Status.RUNNING, owner="gone too")
        row = again
    recover()
    assert retry_of(row) is None
    assert not JobExecution.objects.filter(status__in=UNFINISHED).exists()
