"""Programs that run as one: they stop together and none is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project.processes import DEADLINE_S, ROOT, environment, is_running, until

# Supervises the programs of its arguments, each Python source, and tells what came of it.
SUPERVISOR = """
import json, sys
from jobs.management.supervisor import Program, supervise

def relay(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

grace_s, *sources = sys.argv[1:]
programs = [Program(f"p{i}", [sys.executable, "-c", s]) for i, s in enumerate(sources)]
outcome = supervise(programs, grace_s=float(grace_s), relay=relay)
ended = outcome.ended
print(json.dumps({
    "ended": ended and [ended.program.name, ended.code, list(ended.last_lines)],
    "killed": [program.name for program in outcome.killed],
}), file=sys.stderr)
"""
SAY_PID = "import os, signal, sys, time; print('pid', os.getpid(), flush=True);"
OBEDIENT = (
    f"{SAY_PID} signal.signal(signal.SIGTERM, lambda *a: sys.exit(print('bye'))); signal.pause()"
)
STUBBORN = f"{SAY_PID} signal.signal(signal.SIGTERM, lambda *a: print('no', flush=True))\n" + (
    "while True: signal.pause()"
)
FALLING = f"{SAY_PID} print('cannot go on', file=sys.stderr); sys.exit(7)"
WITH_CHILD = (
    f"{SAY_PID} import subprocess\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
    "print('pid', child.pid, flush=True); signal.pause()"
)


def expect_hangups() -> None:
    """In case the tests run under nohup, whose programs ignore SIGHUP."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Running:
    """A supervisor in a process of its own, and the pids that its programs have said."""

    def __init__(self, folder: Path, *sources: str, grace_s: float = DEADLINE_S) -> None:
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR, str(grace_s), *sources],
                cwd=ROOT,
                env=environment(),
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=expect_hangups,
            )

    @property
    def pids(self) -> list[int]:
        lines = self.output.read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.startswith("pid ")]

    def with_pids(self, count: int) -> list[int]:
        until(lambda: len(self.pids) == count, f"{count} programs")
        return self.pids

    def outcome(self) -> dict[str, Any]:
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        found: dict[str, Any] = json.loads(errors)
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        for pid in filter(is_running, self.pids):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Any]:
    started: list[Running] = []

    def start(*sources: str, **options: float) -> Running:
        started.append(Running(tmp_path, *sources, **options))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_programs_gracefully(running: Any, number: int) -> None:
    supervisor = running(OBEDIENT, OBEDIENT)
    pids = supervisor.with_pids(2)
    supervisor.process.send_signal(number)
    assert supervisor.outcome() == {"ended": None, "killed": []}
    assert supervisor.output.read_text().count("bye") == 2
    assert not any(map(is_running, pids))


def test_when_one_dies_the_others_are_stopped_and_its_last_lines_are_kept(running: Any) -> None:
    supervisor = running(OBEDIENT, FALLING)
    outcome = supervisor.outcome()
    name, code, last_lines = outcome["ended"]
    assert (name, code, last_lines[-1]) == ("p1", 7, "cannot go on")
    assert outcome["killed"] == []
    assert not any(map(is_running, supervisor.pids))


def test_a_program_that_was_killed_is_reported_with_its_signal(running: Any) -> None:
    supervisor = running(OBEDIENT, OBEDIENT)
    pids = supervisor.with_pids(2)
    os.kill(pids[0], signal.SIGKILL)
    [_name, code, _lines] = supervisor.outcome()["ended"]
    assert code == -signal.SIGKILL
    assert not any(map(is_running, pids))


def test_the_children_of_a_dead_program_are_ended_too(running: Any) -> None:
    supervisor = running(WITH_CHILD)
    program, child = supervisor.with_pids(2)
    os.kill(program, signal.SIGKILL)
    assert supervisor.outcome()["ended"][1] == -signal.SIGKILL
    until(lambda: not is_running(child), "the end of the child")


def test_a_program_that_does_not_stop_in_time_is_killed(running: Any) -> None:
    supervisor = running(OBEDIENT, STUBBORN, grace_s=0.2)
    pids = supervisor.with_pids(2)
    supervisor.process.send_signal(signal.SIGTERM)
    assert supervisor.outcome() == {"ended": None, "killed": ["p1"]}
    assert not any(map(is_running, pids))


def test_a_second_ctrl_c_kills_at_once(running: Any) -> None:
    supervisor = running(STUBBORN)
    pids = supervisor.with_pids(1)

    def press_again() -> bool:
        supervisor.process.send_signal(signal.SIGINT)
        return supervisor.process.poll() is not None

    until(press_again, "the end after a second Ctrl-C")
    assert supervisor.outcome()["killed"] == ["p0"]
    assert not any(map(is_running, pids))


def test_one_ctrl_c_that_arrives_twice_is_one(running: Any) -> None:
    supervisor = running(OBEDIENT)
    supervisor.with_pids(1)
    supervisor.process.send_signal(signal.SIGINT)
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.outcome() == {"ended": None, "killed": []}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of such a death")
def test_programs_do_not_outlive_a_supervisor_that_is_killed(running: Any) -> None:
    supervisor = running(OBEDIENT, OBEDIENT)
    pids = supervisor.with_pids(2)
    supervisor.process.kill()
    until(lambda: not any(map(is_running, pids)), "the end of all programs")


def test_a_reader_that_goes_away_stops_the_programs() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, "60", OBEDIENT],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline().split()[1])
    process.stdout.close()
    os.kill(pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert not is_running(pid)
    assert json.loads(errors.splitlines()[0])["killed"] == []
