"""A child that dies takes nobody with it, and its verdict says what it died of."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.models.execution import Status
from jobs.runtime.executors.wire import TaskFailed
from tests.runtime.executors.bench import Bench, lives, pid_in
from tests.waiting import until


@pytest.fixture(autouse=True)
def _others_go_on(processes: Bench, mark: Path) -> Iterator[None]:
    """A run beside each of these deaths, which does not notice; and one after it."""
    neighbour = processes.give("wait_for_file", str(mark))
    until(lambda: neighbour.started)
    yield
    mark.touch()
    assert processes.verdict(neighbour).status == Status.SUCCEEDED
    assert processes.call("add", 1).result == "2"


def test_a_segmentation_fault_is_named_with_the_place_where_it_happened(processes: Bench) -> None:
    run = processes.give("segfault")
    finished = processes.finish_of(run)
    verdict = finished.verdict
    assert verdict.status == Status.FAILED
    assert "killed by signal 11 (SIGSEGV)" in verdict.error
    assert "in segfault" in verdict.traceback
    assert verdict.released_at
    assert isinstance(finished.exception, TaskFailed)
    assert processes.lines(run) == ["about to fall"]


def test_an_exit_in_the_middle_of_a_task_is_named_with_its_code(processes: Bench) -> None:
    verdict = processes.call("exit_hard", 3)
    assert verdict.status == Status.FAILED
    assert "exit code 3 (os._exit or sys.exit inside)" in verdict.error
    assert verdict.traceback == ""


def test_an_exit_with_code_0_is_no_success(processes: Bench) -> None:
    verdict = processes.call("exit_hard", 0)
    assert verdict.status == Status.FAILED
    assert "exit code 0" in verdict.error


def test_a_sigkill_from_elsewhere_points_to_the_out_of_memory_killer(processes: Bench) -> None:
    verdict = processes.call("kill_itself", signal.SIGKILL)
    assert verdict.status == Status.FAILED
    assert "killed by signal 9 (SIGKILL)" in verdict.error
    assert "out-of-memory killer" in verdict.error


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGHUP, signal.SIGRTMIN + 1])
def test_any_other_signal_is_named(processes: Bench, number: int) -> None:
    verdict = processes.call("kill_itself", int(number))
    assert verdict.status == Status.FAILED
    assert f"killed by signal {int(number)}" in verdict.error
    assert "out-of-memory" not in verdict.error


def test_what_a_dead_child_leaves_behind_is_killed(processes: Bench, mark: Path) -> None:
    verdict = processes.call("leave_process_and_die", f"{mark}-left")
    assert "SIGSEGV" in verdict.error
    left = pid_in(Path(f"{mark}-left"))
    assert not lives(left)


def test_a_memory_limit_is_a_memory_error_and_the_next_run_is_free_of_it(processes: Bench) -> None:
    verdict = processes.call("eat_memory")
    assert verdict.status == Status.FAILED
    assert verdict.error.startswith("MemoryError")
    for _slot in range(processes.pool.workers):
        assert processes.call("see_memory_limit").result == "-1"


def test_a_task_that_closes_the_socket_to_the_scheduler_is_ended_and_that_is_said(
    processes: Bench,
) -> None:
    verdict = processes.call("close_all_descriptors")
    assert verdict.status == Status.FAILED
    assert "closed the connection to the scheduler" in verdict.error


def test_a_child_that_was_killed_while_it_was_idle_costs_no_run(processes: Bench) -> None:
    for _time in range(3):
        pid, _thread = json.loads(processes.call("where").result or "")
        os.kill(pid, signal.SIGKILL)
        assert processes.call("add", 1).status == Status.SUCCEEDED
