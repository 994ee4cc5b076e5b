"""SIGTERM, then SIGKILL, to the child's process group, at timeout and at cancel."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from pathlib import Path

import pytest

from jobs.models.execution import Status
from jobs.runtime.run import Run
from tests.runtime.executors.bench import Bench, lives, pid_in
from tests.waiting import until


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.runtime.executors.slot.KILL_GRACE_S", 0.3)


def test_a_cancel_ends_a_task_that_never_asks_and_lets_it_tidy_up(
    processes: Bench, mark: Path
) -> None:
    run = processes.give("wait_blindly", str(mark))
    until(mark.exists)
    run.ask_to_cancel("dba")
    verdict = processes.verdict(run)
    assert verdict.status == Status.CANCELLED
    assert verdict.reason == "Cancelled by dba."
    assert mark.read_text() == "tidied up"


def test_a_timeout_ends_a_task_that_never_asks(processes: Bench, mark: Path) -> None:
    run = processes.give("wait_blindly", str(mark), timeout_s=1)
    assert processes.verdict(run).status == Status.TIMED_OUT
    processes.has_returned(run)
    assert mark.read_text() == "tidied up"


def test_a_coroutine_is_ended_too(processes: Bench, mark: Path) -> None:
    run = processes.give("wait_in_a_loop", str(mark))
    until(mark.exists)
    run.ask_to_cancel("dba")
    assert processes.verdict(run).status == Status.CANCELLED


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("task", ["ignore_sigterm", "swallow_stop"])
def test_a_cancelled_task_that_ignores_sigterm_gets_sigkill_and_the_verdict_says_so(
    processes: Bench, mark: Path, task: str
) -> None:
    run = processes.give(task, str(mark))
    until(mark.exists)
    run.ask_to_cancel("dba")
    verdict = processes.verdict(run)
    assert verdict.status == Status.CANCELLED
    assert verdict.reason == (
        "Cancelled by dba. It did not end within 0.3 s of SIGTERM, so it got SIGKILL."
    )
    assert verdict.error == ""
    assert verdict.released_at


@pytest.mark.usefixtures("_impatient")
def test_a_task_that_ignores_its_timeout_has_its_verdict_at_once_and_its_slot_until_it_is_dead(
    processes: Bench, mark: Path
) -> None:
    run = processes.give("ignore_sigterm", str(mark), timeout_s=1)
    verdict = processes.verdict(run)
    assert verdict.status == Status.TIMED_OUT
    processes.has_returned(run)
    if not verdict.released_at:  # the loop was faster
        assert "keeps its slot until it is gone" in verdict.reason
        assert run.handout.execution_id in processes.notes.released
    (line,) = processes.lines(run)
    assert "SIGKILL" in line
    assert processes.levels(run) == [(logging.WARNING, "")]


@pytest.mark.usefixtures("_impatient")
def test_a_subprocess_of_a_cancelled_task_is_killed_with_it(processes: Bench, mark: Path) -> None:
    run = processes.give("hold_process", str(mark))
    grandchild = pid_in(mark)
    assert lives(grandchild)
    run.ask_to_cancel("dba")
    assert processes.verdict(run).status == Status.CANCELLED
    until(lambda: not lives(grandchild))


def test_a_sigterm_that_the_scheduler_did_not_send_is_not_heeded(
    processes: Bench, mark: Path
) -> None:
    """As systemd sends it to all processes of a service, whose runs have a grace."""
    run = processes.give("tell_pid_and_wait", str(mark))
    pid = int(until(lambda: processes.lines(run))[0])
    for _time in range(3):
        os.kill(pid, signal.SIGTERM)
    mark.touch()
    assert processes.verdict(run).status == Status.SUCCEEDED


def test_a_stop_at_whatever_moment_is_a_cancel_or_comes_too_late(processes: Bench) -> None:
    seen = set()
    for _time in range(60):
        run = processes.give("log_lines", 30)
        until(lambda run=run: run.started)
        run.ask_to_cancel("dba")
        verdict = processes.verdict(run)
        assert verdict.error == ""
        seen.add(verdict.status)
    assert seen <= {Status.CANCELLED, Status.SUCCEEDED}


def test_a_stop_in_the_middle_of_what_a_task_says_breaks_no_message(
    processes: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler is slow to listen, so that the task waits in the middle of a message."""
    heard: list[str] = []

    def take_time(run: Run, message: str) -> None:
        threading.Event().wait(0.02)
        heard.append(message)

    monkeypatch.setattr(Run, "warning", take_time)
    for _time in range(5):
        heard.clear()
        run = processes.give("warn_for_ever")
        until(lambda: len(heard) > 10)
        run.ask_to_cancel("dba")
        assert processes.verdict(run).reason == "Cancelled by dba."


def test_a_process_that_a_task_has_forked_can_be_terminated_by_the_task(processes: Bench) -> None:
    verdict = processes.call("fork_and_terminate")
    assert verdict.status == Status.SUCCEEDED
    assert json.loads(verdict.result or "") == -signal.SIGTERM
