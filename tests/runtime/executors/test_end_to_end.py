"""Jobs with the executor `processes` in a real `manage.py runscheduler`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.control import execution as control
from jobs.control import job as job_control
from jobs.models import ExecutionLog, Job, JobExecution, Status
from tests.chaos.processes import SchedulerProcess, start_scheduler
from tests.factories import ACTOR
from tests.runtime.executors.bench import children_of, lives, pid_in
from tests.waiting import until

RunScheduler = Callable[..., SchedulerProcess]


@pytest.fixture
def run_scheduler(transactional_db: None, tmp_path: Path) -> Iterator[RunScheduler]:
    """Starts `runscheduler` processes that know the sample tasks."""
    started: list[SchedulerProcess] = []

    def start() -> SchedulerProcess:
        variables = {
            "DJANGO_SETTINGS_MODULE": "tests.runtime.executors.settings",
            "SCHEDCORE_SHUTDOWN_GRACE": "3",
        }
        output_file = tmp_path / f"scheduler-{len(started)}.log"
        started.append(start_scheduler(output_file, **variables))
        return started[-1]

    yield start
    for scheduler in started:
        if scheduler.is_running:
            scheduler.kill()


def make(task: str, **fields: Any) -> Job:
    given = {
        "id": task,
        "name": task,
        "function": task,
        "trigger_type": "cron",
        "trigger_params": {"cron_expression": "0 3 1 1 *"},
        "executor": "processes",
    }
    return job_control.create({**given, **fields}, actor=ACTOR)


def finished(execution: JobExecution) -> JobExecution:
    def look() -> bool:
        execution.refresh_from_db()
        return execution.released_at is not None

    until(look)
    return execution


def test_runs_end_in_every_way_and_their_rows_tell_it(
    run_scheduler: RunScheduler, mark: Path
) -> None:
    scheduler = run_scheduler()
    scheduler.begins()
    where = finished(control.run_now(make("where").pk, actor=ACTOR))
    assert where.status == Status.SUCCEEDED
    assert where.result[0] not in (scheduler.pid, None)
    fell = finished(control.run_now(make("segfault").pk, actor=ACTOR))
    assert fell.status == Status.FAILED
    assert "SIGSEGV" in fell.error
    assert list(ExecutionLog.objects.filter(execution=fell).values_list("message", flat=True)) == [
        "about to fall"
    ]
    held = control.run_now(make("hold_process", kwargs={"file": str(mark)}).pk, actor=ACTOR)
    grandchild = pid_in(mark)
    control.cancel(held.pk, actor=ACTOR)
    assert finished(held).status == Status.CANCELLED
    assert not lives(grandchild)
    late = make("wait_blindly", kwargs={"file": f"{mark}-2"}, timeout=1)
    assert finished(control.run_now(late.pk, actor=ACTOR)).status == Status.TIMED_OUT
    (server,) = children_of(scheduler.pid)
    assert scheduler.stop() == 0
    assert not lives(server)


def test_after_kill_9_nothing_of_a_run_goes_on_and_the_next_scheduler_interrupts_it(
    run_scheduler: RunScheduler, mark: Path
) -> None:
    first = run_scheduler()
    first.begins()
    held = control.run_now(make("hold_process", kwargs={"file": str(mark)}).pk, actor=ACTOR)
    grandchild = pid_in(mark)
    (server,) = children_of(first.pid)
    first.kill()
    until(lambda: not lives(server) and not lives(grandchild))
    run_scheduler()
    assert finished(held).status == Status.INTERRUPTED


def test_a_graceful_stop_gives_runs_their_grace_and_ends_the_rest(
    run_scheduler: RunScheduler, mark: Path
) -> None:
    scheduler = run_scheduler()
    scheduler.begins()
    quick = control.run_now(make("wait_for_file", kwargs={"file": f"{mark}-2"}).pk, actor=ACTOR)
    until(lambda: JobExecution.objects.filter(pk=quick.pk, status=Status.RUNNING).exists())
    held = control.run_now(make("hold_process", kwargs={"file": str(mark)}).pk, actor=ACTOR)
    grandchild = pid_in(mark)
    scheduler.ask_to_stop()
    scheduler.says("Stopping")
    Path(f"{mark}-2").touch()
    assert scheduler.process.wait(timeout=60) == 0
    assert not lives(grandchild)
    assert finished(quick).status == Status.SUCCEEDED
    assert finished(held).status == Status.INTERRUPTED
