from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django_apscheduler.models import DjangoJob

from jobs.control import execution as control
from jobs.control import job as job_control
from jobs.control.audit import Actor
from jobs.errors import ExecutionNotFound, Invalid, JobNotFound
from jobs.executions.finish import Verdict, write_verdicts
from jobs.models import Job, JobExecution, Source, Status
from jobs.models.audit import Via
from tests.control.conftest import last_event, revision
from tests.factories import make_execution, make_job

pytestmark = pytest.mark.django_db

ANA = Actor(name="ana", via=Via.ADMIN)


def finish(execution: JobExecution, status: Status = Status.SUCCEEDED) -> None:
    now = datetime.now(UTC)
    verdict = Verdict(
        execution_id=execution.pk,
        job_id=str(execution.job_id),
        scheduled_for=execution.scheduled_for,
        status=status,
        started_at=now,
        finished_at=now,
        released_at=now,
        duration_s=0.1,
    )
    with connection.cursor() as cursor:
        write_verdicts(cursor, execution.owner, [verdict], verdict.finished_at)


# --- Run now ------------------------------------------------------------------------------


def test_running_now_queues_one_run_and_never_moves_the_schedule() -> None:
    job = make_job("job", kwargs={"days": 3}, timeout=9)
    due = datetime(2020, 1, 1, tzinfo=UTC)
    DjangoJob.objects.update(next_run_time=due)
    number = revision()
    execution = control.run_now("job", actor=ANA)
    stored = JobExecution.objects.get()
    assert stored == execution
    assert (stored.status, stored.source, stored.requested_by) == ("queued", "manual", "ana")
    assert (stored.job_name, stored.function, stored.kwargs) == (
        job.name,
        "send_report",
        {"days": 3},
    )
    assert (stored.timeout_s, stored.start_before, stored.attempt) == (9, None, 1)
    assert DjangoJob.objects.get().next_run_time == due
    assert Job.objects.get().version == job.version
    assert revision() == number + 1
    event = last_event()
    assert (event.action, event.job_id, event.before) == ("job.run", "job", None)
    assert event.after == {"execution_id": stored.pk, "force": False}


def test_a_run_may_carry_other_arguments_and_the_job_keeps_its_own() -> None:
    make_job("job", kwargs={"days": 3})
    execution = control.run_now("job", actor=ANA, kwargs={"recipient": "ana"})
    assert execution.kwargs == {"recipient": "ana"}
    assert Job.objects.get().kwargs == {"days": 3}
    assert last_event().after["kwargs"] == {"recipient": "ana"}


@pytest.mark.parametrize("kwargs", [{"nope": 1}, {"days": "3"}, {"recipient": "a\x00"}, [1], "x"])
def test_arguments_that_do_not_fit_are_refused(kwargs: Any, nothing_changes: Any) -> None:
    make_job("job")
    with nothing_changes(), pytest.raises(Invalid, match="kwargs"):
        control.run_now("job", actor=ANA, kwargs=kwargs)


@pytest.mark.parametrize("action", ["disable", "pause"])
def test_a_job_that_stands_still_can_be_run_now(action: str) -> None:
    make_job("job")
    getattr(job_control, action)("job", actor=ANA)
    control.run_now("job", actor=ANA)
    assert DjangoJob.objects.get().next_run_time is None


def test_a_busy_job_is_refused_unless_forced(nothing_changes: Any) -> None:
    make_job("job", max_instances=2)
    make_execution("job", status=Status.RUNNING)
    make_execution("job")
    control.run_now("job", actor=ANA)
    with nothing_changes(), pytest.raises(control.JobBusy, match=r"2 of at most 2.*force"):
        control.run_now("job", actor=ANA)
    control.run_now("job", actor=ANA, force=True)
    assert last_event().after["force"] is True
    assert JobExecution.objects.unfinished().count() == 3


def test_a_run_that_has_its_verdict_but_still_holds_its_slot_counts(nothing_changes: Any) -> None:
    make_job("job")
    make_execution("job", status=Status.TIMED_OUT, released_at=None)
    with nothing_changes(), pytest.raises(control.JobBusy):
        control.run_now("job", actor=ANA)


def test_runs_of_other_jobs_do_not_count() -> None:
    make_job("job")
    make_execution("other", status=Status.RUNNING)
    control.run_now("job", actor=ANA)


def test_a_job_whose_task_has_gone_cannot_be_run(nothing_changes: Any) -> None:
    make_job("job")
    Job.objects.update(function="gone")
    for kwargs in (None, {}, {"days": 1}):
        with nothing_changes(), pytest.raises(control.JobBroken, match="“gone” is registered"):
            control.run_now("job", actor=ANA, kwargs=kwargs)


def test_a_job_without_its_executor_cannot_be_run(nothing_changes: Any) -> None:
    make_job("job")
    Job.objects.update(executor="gpu")
    for kwargs in (None, {"days": 1}):
        with nothing_changes(), pytest.raises(control.JobBroken, match="gpu"):
            control.run_now("job", actor=ANA, kwargs=kwargs)


def test_a_job_whose_own_arguments_do_not_fit_any_more_runs_with_others(
    nothing_changes: Any,
) -> None:
    make_job("job")
    Job.objects.update(kwargs={"old_name": 1})
    with nothing_changes(), pytest.raises(control.JobBroken, match="old_name"):
        control.run_now("job", actor=ANA)
    control.run_now("job", actor=ANA, kwargs={"days": 1})


def test_a_trigger_that_cannot_be_built_does_not_keep_a_job_from_being_run() -> None:
    make_job("job")
    Job.objects.update(trigger_params={"hour": "99"})
    control.run_now("job", actor=ANA)


@pytest.mark.parametrize("job_id", ["gone", "", "a\x00b", "\ud800", "job\n"])
def test_a_job_that_is_not_there_cannot_be_run(job_id: str, nothing_changes: Any) -> None:
    make_job("job")
    with nothing_changes(), pytest.raises(JobNotFound):
        control.run_now(job_id, actor=ANA)


# --- Retry --------------------------------------------------------------------------------


def test_a_retry_runs_again_with_the_arguments_of_then() -> None:
    make_job("job", kwargs={"days": 3})
    earlier = make_execution("job", status=Status.FAILED, kwargs={"days": 1})
    number = revision()
    execution = control.retry(earlier.pk, actor=ANA)
    assert (execution.kwargs, execution.retry_of_id) == ({"days": 1}, earlier.pk)
    assert (execution.status, execution.source) == (Status.QUEUED, Source.MANUAL)
    assert last_event().after == {"execution_id": execution.pk, "retry_of": earlier.pk}
    assert revision() == number + 1


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_what_has_not_ended_cannot_be_retried(status: Status, nothing_changes: Any) -> None:
    make_job("job", max_instances=9)
    execution = make_execution("job", status=status)
    with nothing_changes(), pytest.raises(control.NotRunning, match="cancel it first"):
        control.retry(execution.pk, actor=ANA)


def test_a_retry_is_refused_while_the_job_is_busy(nothing_changes: Any) -> None:
    make_job("job")
    earlier = make_execution("job")
    make_execution("job", status=Status.RUNNING)
    with nothing_changes(), pytest.raises(control.JobBusy):
        control.retry(earlier.pk, actor=ANA)


def test_an_execution_whose_job_has_gone_cannot_be_retried(nothing_changes: Any) -> None:
    make_job("None")
    gone = make_execution("deleted")
    without = make_execution(None, job_name="Once")
    with nothing_changes():
        with pytest.raises(JobNotFound, match="“deleted”"):
            control.retry(gone.pk, actor=ANA)
        with pytest.raises(JobNotFound, match="“Once”"):
            control.retry(without.pk, actor=ANA)


def test_arguments_that_do_not_fit_the_task_any_more_cannot_be_retried(
    nothing_changes: Any,
) -> None:
    make_job("job")
    earlier = make_execution("job", kwargs={"old_name": 1})
    with nothing_changes(), pytest.raises(control.JobBroken, match="old_name"):
        control.retry(earlier.pk, actor=ANA)
    Job.objects.update(function="gone")
    with nothing_changes(), pytest.raises(control.JobBroken, match="gone"):
        control.retry(earlier.pk, actor=ANA)


# --- Cancel -------------------------------------------------------------------------------


def test_a_queued_execution_is_cancelled_at_once() -> None:
    execution, number = make_execution("job", status=Status.QUEUED), revision()
    found = control.cancel(execution.pk, actor=ANA)
    assert (found.status, found.reason) == (Status.CANCELLED, "Cancelled by ana.")
    assert found.finished_at == found.released_at is not None
    assert (last_event().action, last_event().after) == (
        "execution.cancel",
        {"execution_id": execution.pk},
    )
    assert revision() == number + 1


def test_a_running_execution_is_asked_to_end_once(nothing_changes: Any) -> None:
    execution = make_execution("job", status=Status.RUNNING)
    found = control.cancel(execution.pk, actor=ANA)
    assert (found.status, found.is_cancelling, found.cancel_requested_by) == (
        Status.RUNNING,
        True,
        "ana",
    )
    with nothing_changes():
        control.cancel(execution.pk, actor=Actor(name="ben", via=Via.API))


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.QUEUED, Status.RUNNING)])
def test_what_has_ended_cannot_be_cancelled(status: Status, nothing_changes: Any) -> None:
    execution = make_execution("job", status=status)
    with nothing_changes(), pytest.raises(control.NotRunning, match="has ended already"):
        control.cancel(execution.pk, actor=ANA)


def test_a_verdict_does_not_overwrite_a_cancellation_of_a_queued_run() -> None:
    execution = make_execution("job", status=Status.QUEUED)
    control.cancel(execution.pk, actor=ANA)
    finish(execution)
    execution.refresh_from_db()
    assert execution.status == Status.CANCELLED


@pytest.mark.parametrize("call", [control.cancel, control.retry])
@pytest.mark.parametrize("execution_id", [0, -1, 2**63, 10**100])
def test_an_execution_that_is_not_there_is_a_clear_error(
    call: Any, execution_id: int, nothing_changes: Any
) -> None:
    with nothing_changes(), pytest.raises(ExecutionNotFound, match="There is no execution"):
        call(execution_id, actor=ANA)
