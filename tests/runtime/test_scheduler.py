"""The loop with real threads on a real database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction
from django_apscheduler.models import DjangoJob

from jobs.control import execution as execution_control
from jobs.control import job as job_control
from jobs.control.audit import Actor
from jobs.models import ExecutionLog, Job, JobExecution, SchedulerLease, Status
from jobs.models.audit import Via
from jobs.registry import current_execution
from jobs.runtime import scheduler as scheduler_module
from jobs.runtime import wakeup
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.runtime.runs import finished, make_due, run
from tests.waiting import until

ACTOR = Actor("dba", Via.API)

StartScheduler = Callable[..., SchedcoreScheduler]
MakeJob = Callable[..., Job]


def test_a_due_occurrence_runs_once_and_its_row_tells_everything(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pains 9 and 17: the task, too, learns for which time it runs."""

    def count_rows(*, table: str) -> dict[str, Any]:
        return {"table": table, "for": current_execution().scheduled_for}

    made = job(count_rows, kwargs={"table": "orders"})
    scheduler = start_scheduler()
    due = make_due(made.pk)
    row = until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).first())
    assert row.job_id == "count_rows"
    assert row.scheduled_for == due
    assert row.started_at is not None
    assert row.finished_at is not None
    assert due <= row.started_at <= row.finished_at
    assert row.duration_s is not None
    assert row.duration_s >= 0
    assert row.released_at == row.finished_at
    assert row.owner == scheduler.membership.identity.id
    assert row.result["table"] == "orders"
    assert datetime.fromisoformat(row.result["for"]).replace(microsecond=0) == due.replace(
        microsecond=0
    )
    assert JobExecution.objects.count() == 1
    upcoming = DjangoJob.objects.get(pk=made.pk).next_run_time
    assert upcoming is not None
    assert upcoming > due


def test_a_burst_larger_than_the_pool_misses_nothing(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 4."""

    def quick() -> None:
        pass

    first = job(quick)
    for number in range(200):
        Job.objects.create(
            id=f"copy-{number}",
            name="copy",
            function="quick",
            trigger_type="cron",
            trigger_params=first.trigger_params,
            anchor=first.anchor,
        )
    later = datetime.now(UTC) + timedelta(days=1)
    DjangoJob.objects.bulk_create(
        DjangoJob(pk=f"copy-{number}", next_run_time=later, job_state=b"") for number in range(200)
    )
    start_scheduler()
    with transaction.atomic():
        copies = DjangoJob.objects.filter(pk__startswith="copy-")
        copies.update(next_run_time=datetime.now(UTC))
        job_control.bump_revision()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() == 200)
    assert JobExecution.objects.values("job_id").distinct().count() == 200
    assert JobExecution.objects.count() == 200


def test_a_one_shot_job_keeps_its_history_and_is_finished(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pains 5 and 7."""

    def once() -> str:
        return "done"

    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    made = job(once, trigger_type="date", trigger_params={"run_date": soon.isoformat()})
    start_scheduler()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).exists())
    row = Job.objects.with_schedule(datetime.now(UTC)).get(pk=made.pk)
    assert row.state == "finished"
    assert row.next_run_time is None


def test_a_change_in_another_thread_takes_effect(
    start_scheduler: StartScheduler,
    job: MakeJob,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pain 1: the scheduler sleeps until next year, and hears of it all the same: by NOTIFY, or
    by its poll where the database has none. No heartbeat and no slow poll helps it here."""
    far_s = 600.0
    poll_s = far_s if connection.vendor == "postgresql" else settings.SCHEDCORE.poll_interval_s
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=far_s, poll_interval_s=poll_s)
    monkeypatch.setattr(wakeup, "SLOW_POLL_S", far_s)

    def quick() -> None:
        pass

    made = job(quick)
    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    thread = threading.Thread(
        target=lambda: (
            job_control.change(
                made.pk,
                {"trigger_type": "interval", "trigger_params": {"seconds": 1}},
                actor=ACTOR,
            ),
            connection.close(),
        )
    )
    thread.start()
    thread.join()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() >= 2)
    job_control.pause(made.pk, actor=ACTOR)
    claimed = JobExecution.objects.count()
    until(lambda: not JobExecution.objects.unfinished().exists())
    assert DjangoJob.objects.get(pk=made.pk).next_run_time is None
    assert JobExecution.objects.count() == claimed
    moments = list(
        JobExecution.objects.order_by("scheduled_for").values_list("scheduled_for", flat=True)
    )
    gaps = {(b - a).total_seconds() for a, b in pairwise(moments)}
    assert gaps == {1.0}, "no occurrence twice, none left out"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def raises_value_error() -> None:
    raise ValueError("no such table: \x00 \ud800")


def raises_system_exit() -> None:
    raise SystemExit(3)


def raises_keyboard_interrupt() -> None:
    raise KeyboardInterrupt


def raises_unspeakable() -> None:
    raise Unspeakable


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raises_value_error, "ValueError: no such table: \\x00"),
        (raises_system_exit, "SystemExit: 3"),
        (raises_keyboard_interrupt, "KeyboardInterrupt"),
        (raises_unspeakable, "Unspeakable: <no description>"),
    ],
)
def test_whatever_a_task_raises_is_a_failure_with_its_traceback(
    start_scheduler: StartScheduler, job: MakeJob, function: Callable[[], None], said: str
) -> None:
    """Pain 33."""
    start_scheduler()
    row = finished(run(job(function)))
    assert row.status == Status.FAILED
    assert said in row.error
    assert function.__name__ in row.traceback
    assert row.released_at is not None


def test_an_async_task_is_run_to_its_end(start_scheduler: StartScheduler, job: MakeJob) -> None:
    async def fetch() -> str:
        await asyncio.sleep(0.01)
        return "fetched"

    start_scheduler()
    row = finished(run(job(fetch)))
    assert (row.status, row.result) == (Status.SUCCEEDED, "fetched")


@pytest.mark.parametrize(
    ("value", "kept", "warned"),
    [
        (object, "<class 'object'>", "no JSON"),
        (float("nan"), "nan", "no JSON"),
        ("a\x00b", "a\\x00b", "cannot be stored"),
        ("\ud800", "\\ud800", "cannot be stored"),
        ("x" * 100_000, '"' + "x" * 10, "more than"),
    ],
)
def test_a_result_that_cannot_be_kept_is_kept_as_text_with_a_warning(
    start_scheduler: StartScheduler, job: MakeJob, value: Any, kept: str, warned: str
) -> None:
    def odd() -> Any:
        return value

    start_scheduler()
    row = finished(run(job(odd)))
    assert row.status == Status.SUCCEEDED
    assert kept in row.result
    assert warned in row.warning


def test_progress_warnings_and_log_lines_reach_the_database_while_it_runs(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    def copy() -> None:
        current_execution().progress(3, 10, "third table")
        current_execution().warn("one row was odd")
        gate.wait(20)

    start_scheduler()
    row = run(job(copy))

    def shown() -> bool:
        row.refresh_from_db()
        return row.progress_done == 3 and ExecutionLog.objects.filter(execution=row).exists()

    until(shown)
    assert (row.progress_total, row.progress_message) == (10, "third table")
    assert row.status == Status.RUNNING
    gate.set()
    assert finished(row).warning == "one row was odd"


def test_a_cancelled_run_ends_at_its_next_check(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 14."""
    began = threading.Event()

    def long_one() -> None:
        began.set()
        pause = threading.Event()
        while True:
            try:
                current_execution().check()
            except Exception:  # a task that catches everything is ended all the same
                continue
            pause.wait(0.01)

    start_scheduler()
    row = run(job(long_one))
    assert began.wait(10)
    execution_control.cancel(row.pk, actor=ACTOR)
    assert finished(row).status == Status.CANCELLED
    assert "dba" in row.reason
    until(lambda: JobExecution.objects.get(pk=row.pk).released_at)


def test_a_run_past_its_timeout_has_its_verdict_and_keeps_its_slot_until_it_returns(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    def deaf() -> None:
        gate.wait(20)

    made = job(deaf, timeout=1)
    start_scheduler()
    row = finished(run(made))
    assert row.status == Status.TIMED_OUT
    assert row.released_at is None
    with pytest.raises(execution_control.JobBusy):
        run(made)
    gate.set()
    until(lambda: JobExecution.objects.get(pk=row.pk).released_at)
    assert JobExecution.objects.get(pk=row.pk).status == Status.TIMED_OUT


def test_an_occurrence_that_meets_a_running_one_is_skipped_and_says_so(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    """Pain 15."""

    def slow() -> None:
        gate.wait(20)

    made = job(slow)
    start_scheduler()
    going = run(made)
    until(lambda: JobExecution.objects.get(pk=going.pk).status == Status.RUNNING)
    make_due(made.pk)
    row = until(lambda: JobExecution.objects.filter(status=Status.SKIPPED).first())
    assert "still going" in row.reason
    assert row.released_at is not None


def test_a_transaction_that_a_task_leaves_open_is_rolled_back(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 11."""

    def careless() -> None:
        transaction.atomic().__enter__()
        get_user_model().objects.create(username="half")

    def counts() -> int:
        return get_user_model().objects.filter(username="half").count()

    start_scheduler()
    careless_job, counting_job = job(careless), job(counts)
    assert finished(run(careless_job)).status == Status.SUCCEEDED
    for _round in range(6):  # every worker thread
        assert finished(run(counting_job)).result == 0


def test_a_database_error_in_the_loop_does_not_stop_it(
    start_scheduler: StartScheduler, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pain 3."""

    def quick() -> None:
        pass

    scheduler = start_scheduler()
    made = job(quick)
    failures = [OperationalError("gone"), ValueError("nonsense"), OperationalError("gone")]

    def failing(*args: Any, **kwargs: Any) -> Any:
        if failures:
            raise failures.pop()
        return genuine(*args, **kwargs)

    genuine = scheduler_module.claim_due
    monkeypatch.setattr(scheduler_module, "claim_due", failing)
    make_due(made.pk)
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).exists())
    assert not failures
    assert scheduler.running


def test_a_commit_whose_answer_was_lost_leaves_no_row_running_for_ever(
    start_scheduler: StartScheduler, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row says that it was handed out, and nobody has it."""

    def quick() -> None:
        pass

    scheduler = start_scheduler()
    made = job(quick)
    failures = [OperationalError("server closed the connection unexpectedly")]
    genuine = scheduler._hand_over

    def failing(handouts: Any) -> None:
        if handouts and failures:
            raise failures.pop()
        genuine(handouts)

    monkeypatch.setattr(scheduler, "_hand_over", failing)
    row = finished(run(made))
    assert row.status == Status.SUCCEEDED
    assert not failures


def test_verdicts_are_kept_while_the_database_refuses_them(
    start_scheduler: StartScheduler, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pain 6."""
    from jobs.runtime import recorder, scheduler

    def quick() -> str:
        return "kept"

    start_scheduler()
    made = job(quick)
    refusals = [OperationalError("away")] * 3
    genuine = recorder.write_verdicts

    def refusing(cursor: Any, owner: str, verdicts: Any, now: datetime) -> None:
        if verdicts and refusals:
            raise refusals.pop()
        genuine(cursor, owner, verdicts, now)

    for writer in (recorder, scheduler):  # a tick that comes at once writes them, too
        monkeypatch.setattr(writer, "write_verdicts", refusing)
    row = finished(run(made))
    assert (row.status, row.result) == (Status.SUCCEEDED, "kept")
    assert not refusals


def test_a_second_scheduler_stands_by_and_leads_after_the_first_has_left(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pains 2 and 25."""

    def quick() -> None:
        pass

    made = job(quick)
    first = start_scheduler("first")
    until(lambda: first.membership.is_leader)
    second = start_scheduler("second")
    until(lambda: second.membership.holder)
    assert not second.membership.is_leader
    make_due(made.pk)
    row = until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).first())
    assert row.owner == first.membership.identity.id
    first.end(grace_s=1)
    until(lambda: second.membership.is_leader)
    make_due(made.pk)
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() == 2)
    latest = JobExecution.objects.first()
    assert latest is not None
    assert latest.owner == second.membership.identity.id
    assert latest.epoch == row.epoch + 1


def test_a_leader_that_has_lost_the_lease_dispatches_nothing(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Another scheduler of the same database took over, while this one was frozen."""

    def quick() -> None:
        pass

    scheduler = start_scheduler()
    made = job(quick)
    until(lambda: scheduler.membership.is_leader)
    from jobs.models import SchedulerProcess

    SchedulerProcess.objects.create(
        id="other",
        host="elsewhere",
        pid=1,
        started_at=datetime.now(UTC),
        beat_at=datetime.now(UTC) - timedelta(hours=1),  # its clock is an hour off
        ttl_s=60,
    )
    SchedulerLease.objects.filter(pk=1).update(holder="other", epoch=99)
    make_due(made.pk)
    until(lambda: not scheduler.membership.is_leader)
    assert not JobExecution.objects.exists()
    until(lambda: scheduler.membership.holder)
    assert SchedulerLease.objects.get(pk=1).holder == "other"


def test_rows_of_a_dead_process_are_interrupted_and_queued_ones_are_run(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 13."""

    def quick() -> None:
        pass

    made = job(quick)
    queued = run(made)
    lost = run(made, force=True)
    JobExecution.objects.filter(pk=lost.pk).update(
        status=Status.RUNNING, owner="gone", started_at=datetime.now(UTC)
    )
    start_scheduler()
    assert finished(lost).status == Status.INTERRUPTED
    assert "died" in lost.reason
    assert lost.released_at is not None
    assert finished(queued).status == Status.SUCCEEDED


def test_a_stopping_scheduler_waits_its_grace_and_then_interrupts(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    began = threading.Event()

    def deaf() -> None:
        began.set()
        gate.wait(30)

    scheduler = start_scheduler()
    row = run(job(deaf))
    assert began.wait(20)  # its row is running before its worker has it
    assert scheduler.end(grace_s=0.2) == 1
    row.refresh_from_db()
    assert row.status == Status.INTERRUPTED
    assert "stopped" in row.reason
    assert SchedulerLease.objects.get(pk=1).holder == ""


def test_a_stopping_scheduler_lets_its_runs_end(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    began = threading.Event()

    def patient() -> str:
        began.set()
        gate.wait(30)
        return "ended"

    scheduler = start_scheduler()
    row = run(job(patient))
    assert began.wait(20)
    threading.Timer(0.2, gate.set).start()
    assert scheduler.end(grace_s=20) == 0
    row.refresh_from_db()
    assert (row.status, row.result) == (Status.SUCCEEDED, "ended")


def test_a_job_of_a_task_that_has_gone_is_broken_and_works_again_when_it_is_back(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    """Pain 5."""
    from jobs.registry import isolated_registry, scheduled_task

    with isolated_registry():

        def moved() -> None:
            pass

        made = job(moved)
    first = start_scheduler()
    until(lambda: Job.objects.get(pk=made.pk).problem)
    assert "moved" in Job.objects.get(pk=made.pk).problem
    first.end(grace_s=1)
    scheduled_task(name="moved")(lambda: None)
    start_scheduler()
    until(lambda: not Job.objects.get(pk=made.pk).problem)
    assert DjangoJob.objects.get(pk=made.pk).next_run_time is not None


def test_a_result_that_raises_when_it_is_looked_at_has_its_verdict_all_the_same(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    from django.utils.functional import lazy

    def treacherous() -> Any:
        def raising() -> str:
            raise KeyError("not now")

        return {"a": lazy(raising, str)()}

    start_scheduler()
    row = finished(run(job(treacherous)))
    assert row.status == Status.SUCCEEDED
    assert "no JSON" in row.warning
    assert row.released_at is not None


def test_a_fault_around_the_task_is_a_verdict_too(
    start_scheduler: StartScheduler, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick() -> None:
        pass

    def broken() -> None:
        raise RuntimeError("no connections today")

    start_scheduler()
    monkeypatch.setattr("jobs.runtime.perform._take_connections", broken)
    row = finished(run(job(quick)))
    assert row.status == Status.FAILED
    assert "no connections today" in row.error
    assert row.released_at is not None


def test_a_log_that_is_too_long_is_cut_and_says_so(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    def chatty() -> None:
        for _line in range(200):
            current_execution().warn("x" * 20_000)

    start_scheduler()
    row = finished(run(job(chatty)))
    assert row.status == Status.SUCCEEDED
    until(lambda: "cut here" in ExecutionLog.objects.order_by("pk").last().message)  # type: ignore[union-attr]
    assert ExecutionLog.objects.count() == 50 + 1


def test_long_tasks_after_quick_ones_wait_in_the_database_and_not_in_memory(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    """Pain 4: what waits keeps its grace, and a crash loses nothing that has not begun."""

    def quick() -> None:
        pass

    def slow() -> None:
        gate.wait(30)

    quick_job, slow_job = job(quick, max_instances=1000), job(slow, max_instances=1000)
    for _number in range(300):
        run(quick_job, force=True)
    for _number in range(30):
        run(slow_job, force=True)
    scheduler = start_scheduler()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() == 300)
    workers = scheduler.pools["threads"].workers
    until(lambda: JobExecution.objects.filter(status=Status.RUNNING).count() == workers)
    assert JobExecution.objects.filter(status=Status.QUEUED).count() == 30 - workers
    gate.set()
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).count() == 330)


def test_a_cancellation_is_heard_while_the_scheduler_stops(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    began = threading.Event()

    def patient() -> None:
        began.set()
        pause = threading.Event()
        while True:
            current_execution().check()
            pause.wait(0.01)

    scheduler = start_scheduler()
    row = run(job(patient))
    assert began.wait(10)
    stopper = threading.Thread(target=lambda: scheduler.end(grace_s=20))
    stopper.start()
    until(lambda: SchedulerLease.objects.get(pk=1).holder == "")
    execution_control.cancel(row.pk, actor=ACTOR)
    stopper.join(20)
    row.refresh_from_db()
    assert row.status == Status.CANCELLED


def test_a_cancellation_is_not_forgotten_when_the_first_look_at_it_fails(
    start_scheduler: StartScheduler, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()

    def patient() -> None:
        began.set()
        pause = threading.Event()
        while True:
            current_execution().check()
            pause.wait(0.01)

    scheduler = start_scheduler()
    row = run(job(patient))
    assert began.wait(10)
    failures = [OperationalError("gone")]
    genuine = scheduler._notice_cancels

    def failing() -> None:
        if failures:
            raise failures.pop()
        genuine()

    monkeypatch.setattr(scheduler, "_notice_cancels", failing)
    execution_control.cancel(row.pk, actor=ACTOR)
    assert finished(row).status == Status.CANCELLED
    assert not failures


@pytest.mark.parametrize("change", [job_control.pause, job_control.disable, job_control.delete])
def test_what_waits_for_a_worker_does_not_begin_once_its_job_is_stopped(
    start_scheduler: StartScheduler,
    job: MakeJob,
    gate: threading.Event,
    change: Callable[..., Any],
) -> None:
    def slow() -> None:
        gate.wait(30)

    def waits() -> None:
        pass

    scheduler = start_scheduler()
    slow_job, waiting_job = job(slow, max_instances=50), job(waits)
    for _number in range(scheduler.pools["threads"].workers):
        run(slow_job)
    until(lambda: scheduler.pools["threads"].busy == scheduler.pools["threads"].workers)
    make_due(waiting_job.pk)
    row = until(lambda: JobExecution.objects.filter(job_id="waits").first())
    assert row.status == Status.QUEUED
    change(waiting_job.pk, actor=ACTOR)
    gate.set()
    assert finished(row).status == Status.CANCELLED
    assert "dba" in row.reason


def test_a_process_that_was_taken_for_dead_begins_nothing_more_and_goes_on_as_another(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    from jobs.models import SchedulerProcess

    def slow() -> None:
        gate.wait(30)

    scheduler = start_scheduler()
    made = job(slow, max_instances=50)
    until(lambda: scheduler.membership.is_leader)
    before = scheduler.membership.identity.id
    row = run(made)
    until(lambda: JobExecution.objects.get(pk=row.pk).status == Status.RUNNING)
    SchedulerProcess.objects.filter(pk=before).update(stopped_at=datetime.now(UTC))
    until(lambda: scheduler.membership.identity.id != before)
    until(lambda: scheduler.membership.is_leader)
    assert finished(row).status == Status.INTERRUPTED
    gate.set()
    until(lambda: not scheduler.pools.runs())
    row.refresh_from_db()
    assert row.status == Status.INTERRUPTED


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no single row")
def test_a_row_that_somebody_has_locked_delays_only_itself(
    start_scheduler: StartScheduler, job: MakeJob, gate: threading.Event
) -> None:
    def slow() -> str:
        gate.wait(30)
        return "slow"

    def quick() -> str:
        return "quick"

    scheduler = start_scheduler()
    held = run(job(slow))
    until(lambda: JobExecution.objects.get(pk=held.pk).status == Status.RUNNING)
    locked, let_go = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic():
            JobExecution.objects.select_for_update().get(pk=held.pk)
            locked.set()
            let_go.wait(60)
        connection.close()

    locker = threading.Thread(target=lock)
    locker.start()
    assert locked.wait(10)
    try:
        gate.set()
        until(lambda: not scheduler.pools.runs())
        assert finished(run(job(quick))).result == "quick"
        held.refresh_from_db()
        assert held.status == Status.RUNNING
    finally:
        let_go.set()
        locker.join(10)
    assert finished(held).result == "slow"


def test_apschedulers_own_events_fire_after_the_commit(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED

    def quick() -> int:
        return 7

    heard: list[Any] = []
    scheduler = start_scheduler()
    scheduler.add_listener(heard.append, EVENT_JOB_SUBMITTED | EVENT_JOB_EXECUTED)
    finished(run(job(quick)))
    until(lambda: len(heard) == 2)
    assert [event.job_id for event in heard] == ["quick", "quick"]
    assert heard[1].retval == 7


def test_apschedulers_view_of_the_jobs_is_read_only(
    start_scheduler: StartScheduler, job: MakeJob
) -> None:
    def quick() -> None:
        pass

    made = job(quick)
    scheduler = start_scheduler()
    found = scheduler.get_job(made.pk)
    assert found is not None
    assert found.func is quick
    assert found.next_run_time == DjangoJob.objects.get(pk=made.pk).next_run_time
    with pytest.raises(TypeError, match=r"jobs\.control"):
        scheduler.remove_job(made.pk)
    assert Job.objects.filter(pk=made.pk).exists()
