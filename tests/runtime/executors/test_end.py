"""Nothing of the executor outlives its scheduler, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.models.execution import Status
from tests.chaos.processes import ROOT, database_url
from tests.runtime.executors.bench import Bench, children_of, lives, pid_in
from tests.waiting import until

MakeBench = Callable[..., Bench]
StartLonely = Callable[..., "subprocess.Popen[bytes]"]


def test_at_shutdown_all_processes_end_and_runs_that_go_on_get_no_verdict_here(
    make_bench: MakeBench, mark: Path
) -> None:
    bench = make_bench(workers=2)
    assert bench.call("add", 1).result == "2"
    run = bench.give("hold_process", str(mark))
    grandchild = pid_in(mark)
    server = bench.pool.server.pid
    assert server is not None
    children = children_of(server)
    before = len(bench.notes.finished)
    bench.pool.shutdown(wait=False)
    assert not [pid for pid in (server, grandchild, *children) if lives(pid)]
    assert bench.pool.runs() == []
    assert len(bench.notes.finished) == before
    assert bench.notes.released == [run.handout.execution_id]


def test_at_shutdown_a_task_may_tidy_up(make_bench: MakeBench, mark: Path) -> None:
    bench = make_bench()
    bench.give("wait_blindly", str(mark))
    until(mark.exists)
    bench.pool.shutdown(wait=False)
    assert mark.read_text() == "tidied up"


def test_shutdown_while_the_fork_server_starts_leaves_nothing(make_bench: MakeBench) -> None:
    bench = make_bench("tasks", "endless")
    run = bench.give("add", 1)
    server = until(lambda: bench.pool.server.pid)
    bench.pool.shutdown(wait=False)
    until(lambda: not lives(server))
    assert bench.pool.runs() == []
    assert run.is_lingering


@pytest.fixture
def start_lonely(django_db_setup: None, mark: Path) -> Iterator[StartLonely]:
    """Starts a scheduler's process with a run of which a process of its own is written to `mark`;
    its fork server loads further modules."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*modules: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.executors.lonely", str(mark), *modules],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "schedcore.settings",
                "DATABASE_URL": database_url(),
                "SCHEDCORE_ENV_FILE": os.devnull,
                "SAMPLE_MARK": f"{mark}-loading",
            },
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def lonely(start_lonely: StartLonely) -> subprocess.Popen[bytes]:
    return start_lonely()


def test_kill_9_of_the_scheduler_ends_all_of_its_processes(
    lonely: subprocess.Popen[bytes], mark: Path
) -> None:
    grandchild = pid_in(mark)
    (server,) = children_of(lonely.pid)
    children = children_of(server)
    assert len(children) == 2  # a busy and an idle one
    lonely.kill()
    until(lambda: not [pid for pid in (server, grandchild, *children) if lives(pid)])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_kill_9_of_the_scheduler_and_the_fork_server_ends_the_children(
    lonely: subprocess.Popen[bytes], mark: Path
) -> None:
    grandchild = pid_in(mark)
    (server,) = children_of(lonely.pid)
    children = children_of(server)
    os.kill(server, signal.SIGSTOP)  # so that it does nothing about the scheduler's death
    lonely.kill()
    os.kill(server, signal.SIGKILL)
    until(lambda: not [pid for pid in children if lives(pid)])
    os.kill(grandchild, signal.SIGKILL)  # nobody is left to do it


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_kill_9_of_the_scheduler_ends_a_fork_server_that_still_loads(
    start_lonely: StartLonely, mark: Path
) -> None:
    lonely = start_lonely("endless")
    until(Path(f"{mark}-loading").exists)
    (server,) = children_of(lonely.pid)
    lonely.kill()
    until(lambda: not lives(server))


def test_a_succeeded_run_before_shutdown_keeps_its_verdict(make_bench: MakeBench) -> None:
    bench = make_bench()
    run = bench.give("add", 1)
    assert bench.verdict(run).status == Status.SUCCEEDED
    bench.pool.shutdown(wait=False)
    assert bench.verdict(run).status == Status.SUCCEEDED
