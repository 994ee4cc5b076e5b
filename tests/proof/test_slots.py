"""Runs that keep their slot after their verdict, and those that never got a worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jobs.control import execution as execution_control
from jobs.models import JobExecution, SchedulerLease, Status
from jobs.runtime.executors import pool as pool_module
from jobs.runtime.run import Run
from tests.factories import ACTOR
from tests.proof.loop import STOPPED, Loop
from tests.proof.rows import declare_dead, make, rows, statuses
from tests.runtime.runs import make_due

MakeLoop = Callable[..., Loop]
LONG_S = 3600.0


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine takes nothing back that waits for the test to play its worker."""
    monkeypatch.setattr(pool_module, "STALE_S", LONG_S)


def rest(loop: Loop) -> None:
    """Let it take note of all that it did itself, until it has nothing more to do."""
    for _step in range(3):
        loop.step()


# --- A retry waits for the thread that ignored its timeout -----------------------------------


def lingers(leader: Loop) -> Run:
    """A run that has timed out and goes on; its next attempt waits for it."""
    make(timeout=1, max_retries=1, retry_delay=0)
    make_due("job")
    leader.step()
    run = leader.begins()
    assert run is not None
    run.deadline = run.started
    rest(leader)
    assert statuses() == [Status.TIMED_OUT, Status.QUEUED]
    return run


def test_a_retry_begins_when_the_thread_returns_that_it_waits_for(leader: Loop) -> None:
    run = lingers(leader)
    leader.ends(run)
    leader.step()
    assert statuses() == [Status.TIMED_OUT, Status.RUNNING]


def test_a_retry_begins_when_the_thread_returns_that_it_waits_for_in_a_standby(
    loop: MakeLoop,
) -> None:
    old = loop("old").takes_the_lead()
    run = lingers(old)
    SchedulerLease.objects.update(holder="")
    new = loop("new").takes_the_lead()
    rest(new)
    old.step()
    assert not old.leads
    assert statuses() == [Status.TIMED_OUT, Status.QUEUED]
    old.ends(run)
    old.step()
    new.step()
    assert [handout.attempt for handout in new.handed_out] == [2]


def test_a_retry_begins_when_the_process_has_died_whose_thread_it_waits_for(
    loop: MakeLoop,
) -> None:
    old = loop("old").takes_the_lead()
    lingers(old)
    SchedulerLease.objects.update(holder="")
    new = loop("new").takes_the_lead()
    rest(new)
    declare_dead(old)
    for _step in range(2):
        new.step()
    assert [handout.attempt for handout in new.handed_out] == [2]


def test_a_retry_begins_when_the_process_has_stopped_whose_thread_it_waits_for(
    loop: MakeLoop,
) -> None:
    old = loop("old").takes_the_lead()
    lingers(old)
    SchedulerLease.objects.update(holder="")
    new = loop("new").takes_the_lead()
    rest(new)
    old.step()
    old.scheduler.last_writes.write()
    new.step()
    assert [handout.attempt for handout in new.handed_out] == [2]


# --- A run that waits in memory is cancelled -------------------------------------------------


def cancelled_in_memory(leader: Loop) -> tuple[JobExecution, Run]:
    """A run that no worker has begun, and whose cancel was asked for long ago."""
    make(max_instances=1)
    execution = execution_control.run_now("job", actor=ACTOR)
    leader.step()
    (run,) = leader.scheduler.pools.runs()
    execution_control.cancel(execution.pk, actor=ACTOR)
    leader.step()
    assert run.stop_reason() is not None
    run.deadline = run.handed_over
    return execution, run


def test_a_cancelled_run_that_no_worker_has_begun_leaves_its_slot_when_it_is_taken_back(
    leader: Loop,
) -> None:
    """By then its cancel's grace is over, as after a freeze."""
    execution, run = cancelled_in_memory(leader)
    run.handed_over -= LONG_S
    leader.step()
    execution.refresh_from_db()
    assert execution.status == Status.CANCELLED
    assert execution.released_at is not None
    assert leader.begins() is None
    execution_control.run_now("job", actor=ACTOR)


def test_the_deadline_of_a_cancelled_run_that_no_worker_has_begun_does_not_keep_the_loop_awake(
    leader: Loop,
) -> None:
    _execution, run = cancelled_in_memory(leader)
    assert run.finish_overdue() is None
    assert run.open_deadline is None
    run.begin()
    assert run.open_deadline == run.deadline
    finished = run.finish_overdue()
    assert finished is not None
    assert finished.verdict.status == Status.CANCELLED
    assert run.open_deadline is None


def test_a_run_that_is_ended_while_its_worker_finds_it_too_late_leaves_its_slot(
    leader: Loop,
) -> None:
    execution, run = cancelled_in_memory(leader)

    def perform(run: Run) -> None:
        leader.scheduler._end_overdue()
        run.handed_over -= LONG_S
        run.check_in_time()

    assert leader.pool._queue.get_nowait() is run
    leader.pool._execute(run, perform)  # type: ignore[arg-type]
    leader.step()
    execution.refresh_from_db()
    assert execution.status == Status.CANCELLED
    assert execution.released_at is not None
    assert not leader.scheduler.pools.runs()


# --- Runs that are abandoned at shutdown -----------------------------------------------------


@pytest.mark.parametrize("wants_again", [False, True])
def test_a_run_that_is_abandoned_at_shutdown_is_not_taken_for_one_that_never_began(
    loop: MakeLoop, wants_again: bool
) -> None:
    """Although the loop has doubts at that moment, whether it knows all its runs."""
    make(rerun_if_interrupted=wants_again)
    old, new = loop("old").takes_the_lead(), loop("new")
    make_due("job")
    old.step()
    run = old.begins()
    assert run is not None
    run.abandon()  # and so its process is ended
    old.pool._execute(run, lambda _run: STOPPED)
    old.scheduler._has_doubts = True
    old.scheduler._is_stopping = True
    old.step()
    assert statuses() == [Status.RUNNING]
    old.scheduler.last_writes.write()
    assert rows()[0].status == Status.INTERRUPTED
    assert "stopped before" in rows()[0].reason
    new.takes_the_lead()
    new.step()
    assert [handout.attempt for handout in new.handed_out] == ([2] if wants_again else [])
