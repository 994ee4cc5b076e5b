"""After a fault the loop looks for runs that it does not know of; it must know its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from jobs.control import execution as control
from jobs.executions.hand_out import Handout
from jobs.models import Job, JobExecution, Status
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR
from tests.waiting import until


def test_a_run_that_ends_while_the_loop_looks_for_lost_ones_is_not_run_again(
    start_scheduler: Callable[..., SchedcoreScheduler],
    job: Callable[..., Job],
    gate: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began: list[int] = []

    def slow() -> None:
        began.append(1)
        gate.wait(20)

    made = job(slow)
    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    control.run_now(made.pk, actor=ACTOR)
    until(lambda: began)
    write_finished = scheduler._write_finished

    def write_and_let_it_end() -> None:
        write_finished()
        if scheduler._has_doubts and not gate.is_set():
            gate.set()
            until(lambda: not scheduler.pools.runs())

    monkeypatch.setattr(scheduler, "_write_finished", write_and_let_it_end)
    scheduler._has_doubts = True
    scheduler.wakeup()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).exists())
    assert len(began) == 1


def test_a_run_that_was_handed_out_before_a_freeze_is_queued_again_and_not_begun(
    start_scheduler: Callable[..., SchedcoreScheduler],
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By then another scheduler may have given it up."""
    handed_over: list[int] = []
    began: list[int] = []

    def quick() -> None:
        began.append(len(handed_over))

    made = job(quick)
    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    hand_over = scheduler._hand_over

    def freeze_before(handouts: list[Handout]) -> None:
        handed_over.extend(handout.execution_id for handout in handouts)
        if len(handed_over) == 1:
            scheduler._tick_began -= 10.0
        hand_over(handouts)

    monkeypatch.setattr(scheduler, "_hand_over", freeze_before)
    execution = control.run_now(made.pk, actor=ACTOR)
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).exists())
    assert handed_over == [execution.pk, execution.pk]
    assert began == [2]
