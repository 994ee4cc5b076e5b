"""What a task says stands in the database while the task goes on, whichever executor has it.

How soon, is reckoned in tests/proof/test_told_in_time.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.control import execution as control
from jobs.models import ExecutionLog, Status
from jobs.runtime import wakeup
from jobs.runtime.executors import pools
from jobs.runtime.executors.processes import ProcessesExecutor
from jobs.runtime.executors.threads import ThreadsExecutor
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR, make_job
from tests.runtime.executors.conftest import make_server
from tests.runtime.runs import finished
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]

SILENT_S = 600.0


@pytest.fixture
def _silent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a run says wakes the loop: neither a heartbeat nor a poll."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=SILENT_S, poll_interval_s=SILENT_S)
    monkeypatch.setattr(wakeup, "SLOW_POLL_S", SILENT_S)


@pytest.fixture
def _sample_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler's processes know the sample tasks."""

    def make(workers: int, wake: Callable[[], None]) -> ProcessesExecutor:
        return ProcessesExecutor(workers, wake, make_server())

    monkeypatch.setattr(pools, "ProcessesExecutor", make)


@pytest.mark.parametrize("executor", [ThreadsExecutor.alias, ProcessesExecutor.alias])
@pytest.mark.usefixtures("_silent", "_sample_processes")
def test_each_line_and_step_is_there_while_the_task_waits_to_say_the_next(
    start_scheduler: StartScheduler, mark: Path, executor: str
) -> None:
    times = 3
    made = make_job(
        function="speak_when_asked",
        kwargs={"file": str(mark), "times": times},
        executor=executor,
    )
    row = control.run_now(made.pk, actor=ACTOR)  # before there is a loop that would have to hear
    start_scheduler()
    lines = ExecutionLog.objects.filter(execution=row).order_by("pk")
    for number in range(times):

        def is_told(number: int = number) -> bool:
            row.refresh_from_db()
            return row.progress_done == number + 1 and lines.count() == number + 1

        until(is_told, deadline_s=60.0)
        assert row.status == Status.RUNNING
        Path(f"{mark}-{number}").touch()
    assert finished(row).status == Status.SUCCEEDED
    assert [(line.message, line.logger, line.level) for line in lines] == [
        (f"line {number}", "sample", 20) for number in range(times)
    ]
