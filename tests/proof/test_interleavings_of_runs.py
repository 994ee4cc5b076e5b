"""What happens to runs when two things happen at once: run now, cancel and finish."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from jobs.control import execution as execution_control
from jobs.control import job as job_control
from jobs.executions import finish as finish_module
from jobs.models import AuditEvent, Job, JobExecution, Status
from jobs.runtime import scheduler as scheduler_module
from jobs.runtime.perform import Outcome
from tests.factories import ACTOR
from tests.proof.loop import FAILED, STOPPED, SUCCEEDED, Loop
from tests.proof.race import Stage
from tests.proof.rows import declare_dead, delete, make, pause, row, rows, statuses
from tests.runtime.runs import make_due

MakeLoop = Callable[..., Loop]

only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite locks no single row: who comes second waits"
)
ROUNDS = 15


# --- Run now against the schedule ----------------------------------------------------------


def test_a_run_that_is_asked_for_during_a_tick_waits_for_it_and_finds_the_slot_taken(
    stage: Stage, leader: Loop
) -> None:
    make()
    make_due("job")
    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "claim_due")
    asking = stage.actor(lambda: execution_control.run_now("job", actor=ACTOR)).starts()
    asking.has_to_wait()
    tick.ends()
    with pytest.raises(execution_control.JobBusy):
        asking.ends()
    assert len(rows()) == 1


def test_a_tick_and_a_request_to_run_at_once_never_use_one_slot_twice(
    stage: Stage, leader: Loop
) -> None:
    make()
    for _round in range(ROUNDS):
        make_due("job")
        stage.at_once(leader.step, lambda: execution_control.run_now("job", actor=ACTOR))
        assert JobExecution.objects.unreleased().count() == 1
        leader.step()
        leader.begins()
        for run in list(leader.begun):
            leader.ends(run)
        leader.step()
        assert not JobExecution.objects.unreleased().exists()


# --- Cancel against start and finish -------------------------------------------------------


def cancel(execution: JobExecution) -> JobExecution:
    return execution_control.cancel(execution.pk, actor=ACTOR)


def going(leader: Loop) -> JobExecution:
    """A run that its worker is at."""
    execution = execution_control.run_now("job", actor=ACTOR)
    leader.step()
    assert leader.begins() is not None
    return execution


def test_a_cancel_that_comes_before_the_finish_leaves_what_the_task_did(leader: Loop) -> None:
    make()
    execution = going(leader)
    cancel(execution)
    leader.step()
    leader.ends(leader.begun[0])
    leader.step()
    assert statuses() == [Status.SUCCEEDED]
    assert "before it was stopped" in row().reason
    assert row().cancel_requested_by == ACTOR.name


def test_a_cancel_that_comes_after_the_finish_is_told_so(leader: Loop) -> None:
    make()
    execution = going(leader)
    leader.ends(leader.begun[0])
    leader.step()
    with pytest.raises(execution_control.NotRunning):
        cancel(execution)
    assert statuses() == [Status.SUCCEEDED]
    assert row().cancel_requested_at is None


def test_a_cancel_that_comes_between_the_end_and_its_verdict_changes_no_verdict(
    stage: Stage, leader: Loop
) -> None:
    make()
    execution = going(leader)
    leader.ends(leader.begun[0])
    writing = stage.actor(leader.step).starts_and_stops_before(finish_module, "queue_again")
    cancelling = stage.actor(lambda: cancel(execution)).starts().has_to_wait()
    writing.ends()
    with pytest.raises(execution_control.NotRunning):
        cancelling.ends()
    assert statuses() == [Status.SUCCEEDED]


def test_a_verdict_that_meets_a_cancel_under_way_is_written_after_it(
    stage: Stage, leader: Loop
) -> None:
    make()
    execution = going(leader)
    leader.ends(leader.begun[0])
    cancelling = stage.actor(lambda: cancel(execution)).starts_and_stops_before(
        execution_control, "bump_revision"
    )
    writing = stage.actor(leader.step).starts().has_to_wait()
    cancelling.ends()
    writing.ends()
    leader.step()
    assert statuses() == [Status.SUCCEEDED]
    assert row().cancel_requested_at is not None


@only_postgresql
def test_a_run_that_is_being_cancelled_is_not_handed_out_meanwhile(
    stage: Stage, loop: MakeLoop
) -> None:
    make()
    leader = loop(workers=0).takes_the_lead()
    execution = execution_control.run_now("job", actor=ACTOR)
    cancelling = stage.actor(lambda: cancel(execution)).starts_and_stops_before(
        execution_control, "bump_revision"
    )
    leader.pool.workers = 5
    leader.step()
    assert not leader.handed_out
    cancelling.ends()
    leader.step()
    assert not leader.handed_out
    assert statuses() == [Status.CANCELLED]


def test_a_cancel_during_the_hand_out_ends_the_run_before_its_task_is_called(
    stage: Stage, leader: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    # So that the first hand-out of the tick is the one that finds it.
    monkeypatch.setattr(leader.scheduler._agenda, "_executors", {"threads"})
    execution = execution_control.run_now("job", actor=ACTOR)
    tick = stage.actor(leader.step).starts_and_stops_after(scheduler_module, "hand_out")
    cancelling = stage.actor(lambda: cancel(execution)).starts().has_to_wait()
    tick.ends()
    cancelling.ends()
    leader.step()
    run = leader.begins()
    assert run is not None
    assert run.stop_reason() == f"Cancelled by {ACTOR.name}."


def test_cancel_and_finish_at_once_leave_one_verdict_and_a_true_answer(
    stage: Stage, leader: Loop
) -> None:
    make(max_instances=100)
    for _round in range(ROUNDS):
        execution = going(leader)
        (run,) = leader.begun
        leader.ends(run)
        answer, fault = stage.at_once(lambda execution=execution: cancel(execution), leader.step)
        assert fault is None
        leader.step()
        execution.refresh_from_db()
        assert execution.status == Status.SUCCEEDED
        was_asked = isinstance(answer, JobExecution)
        assert was_asked or isinstance(answer, execution_control.NotRunning)
        assert (execution.cancel_requested_at is not None) == was_asked
        events = AuditEvent.objects.filter(action="execution.cancel")
        assert events.filter(after__execution_id=execution.pk).exists() == was_asked


def test_cancel_and_hand_out_at_once_leave_one_verdict(stage: Stage, leader: Loop) -> None:
    make(max_instances=100)
    for _round in range(ROUNDS):
        execution = execution_control.run_now("job", actor=ACTOR)
        before = len(leader.handed_out)
        answer, fault = stage.at_once(lambda execution=execution: cancel(execution), leader.step)
        assert isinstance(answer, JobExecution)
        assert fault is None
        leader.step()
        if run := leader.begins():
            assert run.stop_reason() is not None
            leader.ends(run, STOPPED)
            leader.step()
        else:
            assert len(leader.handed_out) == before
        execution.refresh_from_db()
        assert execution.status == Status.CANCELLED


# --- Retries against pause and against another scheduler ------------------------------------


def failed(leader: Loop) -> None:
    """A scheduled run whose task has failed, and whose verdict is not written yet."""
    make_due("job")
    leader.step()
    run = leader.begins()
    assert run is not None
    leader.ends(run, FAILED)


def test_a_pause_during_the_write_of_a_failure_waits_for_it_and_withdraws_the_retry(
    stage: Stage, leader: Loop
) -> None:
    make(max_retries=3, retry_delay=0)
    failed(leader)
    writing = stage.actor(leader.step).starts_and_stops_before(finish_module, "queue_again")
    pausing = stage.actor(pause).starts().has_to_wait()
    writing.ends()
    pausing.ends()
    leader.step()
    assert statuses() == [Status.FAILED, Status.CANCELLED]


def test_a_failure_that_is_written_during_a_pause_is_not_tried_again(
    stage: Stage, leader: Loop
) -> None:
    make(max_retries=3, retry_delay=0)
    failed(leader)
    pausing = stage.actor(pause).starts_and_stops_before(job_control, "bump_revision")
    writing = stage.actor(leader.step).starts().has_to_wait()
    pausing.ends()
    writing.ends()
    leader.step()
    assert statuses() == [Status.FAILED]


def test_a_failure_is_not_tried_again_after_a_cancel_that_its_scheduler_has_not_heard_of(
    leader: Loop,
) -> None:
    """It was accepted, so nothing of that run may begin any more."""
    make(max_retries=3, retry_delay=0)
    execution = going(leader)
    cancel(execution)
    leader.ends(leader.begun[0], FAILED)
    for _step in range(2):
        leader.step()
    assert statuses() == [Status.FAILED]
    assert row().cancel_requested_at is not None


def test_a_failure_whose_write_meets_a_cancel_under_way_is_not_tried_again(
    stage: Stage, leader: Loop
) -> None:
    make(max_retries=3, retry_delay=0)
    execution = going(leader)
    leader.ends(leader.begun[0], FAILED)
    cancelling = stage.actor(lambda: cancel(execution)).starts_and_stops_before(
        execution_control, "bump_revision"
    )
    writing = stage.actor(leader.step).starts().has_to_wait()
    cancelling.ends()
    writing.ends()
    leader.step()
    assert statuses() == [Status.FAILED]


@pytest.mark.parametrize("outcome", [SUCCEEDED, FAILED])
def test_the_verdict_of_a_process_that_was_taken_for_dead_comes_too_late(
    loop: MakeLoop, outcome: Outcome
) -> None:
    """It neither overwrites the interruption nor tries a second time what is tried already."""
    make(max_retries=3, retry_delay=0, rerun_if_interrupted=True)
    old, new = loop("old").takes_the_lead(), loop("new")
    make_due("job")
    old.step()
    run = old.begins()
    assert run is not None
    declare_dead(old)
    new.takes_the_lead()
    new.step()
    old.ends(run, outcome)
    old.step()
    new.step()
    first, second = rows()
    assert (first.status, first.owner) == (Status.INTERRUPTED, run.handout.owner)
    assert (second.status, second.attempt, second.retry_of_id) == (Status.RUNNING, 2, first.pk)
    assert [handout.attempt for handout in old.handed_out + new.handed_out] == [1, 2]


# --- Runs that are taken back from a worker's queue ------------------------------------------


def disable() -> Job:
    return job_control.disable("job", actor=ACTOR)


@pytest.mark.parametrize("stop", [pause, disable, delete])
def test_a_run_that_is_taken_back_after_its_job_was_stopped_does_not_begin_later(
    leader: Loop, stop: Callable[[], object]
) -> None:
    """It was handed out, and no worker had begun it; so it waits like any other."""
    make()
    make_due("job")
    leader.step()
    stop()
    leader.scheduler._take_back()
    leader.step()
    assert statuses() == [Status.CANCELLED]
    assert leader.begins() is None


def test_a_run_that_somebody_asked_for_is_taken_back_and_begins_though_its_job_is_paused(
    leader: Loop,
) -> None:
    make()
    execution_control.run_now("job", actor=ACTOR)
    leader.step()
    pause()
    leader.scheduler._take_back()
    assert statuses() == [Status.QUEUED]
    leader.step()
    assert statuses() == [Status.RUNNING]


def test_a_cancel_that_is_under_way_when_a_run_is_taken_back_is_not_lost(
    stage: Stage, leader: Loop
) -> None:
    make()
    execution = execution_control.run_now("job", actor=ACTOR)
    leader.step()
    cancelling = stage.actor(lambda: cancel(execution)).starts_and_stops_before(
        execution_control, "bump_revision"
    )
    taking_back = stage.actor(leader.scheduler._take_back).starts()
    if connection.vendor == "postgresql":
        taking_back.ends()  # it waits for nobody's lock, and comes back to that run
        cancelling.ends()
    else:
        taking_back.has_to_wait()
        cancelling.ends()
        taking_back.ends()
    for _step in range(2):
        leader.step()
    assert statuses() == [Status.CANCELLED]
    assert leader.begins() is None


# --- The loop against its own workers ------------------------------------------------------


def test_a_run_that_ends_while_the_loop_sorts_out_its_doubts_is_not_run_again(
    leader: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a fault the loop queues again what is marked as its own and nobody holds.

    A worker may end its run just then: after the finished ones were written, and before the
    loop asks who holds what.
    """
    make()
    execution = going(leader)
    (run,) = leader.begun
    genuine = leader.scheduler._reconcile

    def reconcile_late() -> None:
        leader.ends(run)
        genuine()

    monkeypatch.setattr(leader.scheduler, "_reconcile", reconcile_late)
    leader.scheduler._has_doubts = True
    leader.step()
    monkeypatch.undo()
    for _step in range(2):
        leader.step()
    execution.refresh_from_db()
    assert execution.status == Status.SUCCEEDED
    assert [handout.execution_id for handout in leader.handed_out] == [execution.pk]
