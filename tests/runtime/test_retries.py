"""Retries through a real scheduler."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobs.control import execution as control
from jobs.models import Job, JobExecution, Source, Status
from jobs.registry import current_execution
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR
from tests.runtime.runs import finished, make_due, run
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]
MakeJob = Callable[..., Job]


@pytest.fixture
def attempts() -> list[int]:
    return []


@pytest.fixture
def flaky(job: MakeJob, attempts: list[int]) -> Callable[..., Job]:
    """A job whose task fails in every attempt before the third."""

    def flaky() -> str:
        attempts.append(current_execution().attempt)
        if len(attempts) < 3:
            raise RuntimeError("not yet")
        return "at last"

    return lambda **fields: job(flaky, **fields)


def chain(job: Job) -> list[JobExecution]:
    return list(JobExecution.objects.filter(job_id=job.pk).order_by("attempt"))


def test_a_run_is_tried_again_until_it_succeeds(
    start_scheduler: StartScheduler, flaky: MakeJob, attempts: list[int]
) -> None:
    made = flaky(max_retries=5, retry_delay=0)
    start_scheduler()
    due = make_due(made.pk)
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).exists())
    rows = chain(made)
    assert [row.status for row in rows] == [Status.FAILED, Status.FAILED, Status.SUCCEEDED]
    assert [row.source for row in rows] == [Source.SCHEDULE, Source.RETRY, Source.RETRY]
    assert [row.retry_of_id for row in rows] == [None, rows[0].pk, rows[1].pk]
    assert {row.scheduled_for for row in rows} == {due}
    assert attempts == [1, 2, 3]


def test_a_delayed_retry_starts_after_its_delay_although_nothing_else_is_due(
    start_scheduler: StartScheduler, flaky: MakeJob
) -> None:
    made = flaky(max_retries=1, retry_delay=1)
    start_scheduler()
    first = finished(run(made))
    until(lambda: chain(made)[-1].attempt == 2)
    second = finished(chain(made)[-1])
    assert first.finished_at is not None
    assert second.start_after is not None
    assert second.started_at is not None
    assert second.started_at >= second.start_after
    assert (second.start_after - first.finished_at).total_seconds() >= 1
    assert second.requested_by == first.requested_by


def test_a_retry_that_waits_can_be_cancelled(
    start_scheduler: StartScheduler, flaky: MakeJob, attempts: list[int]
) -> None:
    made = flaky(max_retries=1, retry_delay=3600)
    start_scheduler()
    finished(run(made))
    until(lambda: chain(made)[-1].attempt == 2)
    control.cancel(chain(made)[-1].pk, actor=ACTOR)
    assert finished(chain(made)[-1]).status == Status.CANCELLED
    assert attempts == [1]


def test_a_run_asked_for_is_refused_while_a_retry_waits(
    start_scheduler: StartScheduler, flaky: MakeJob
) -> None:
    """Overlap is counted over retries too."""
    made = flaky(max_retries=1, retry_delay=3600, max_instances=1)
    start_scheduler()
    finished(run(made))
    until(lambda: chain(made)[-1].attempt == 2)
    with pytest.raises(control.JobBusy):
        run(made)
