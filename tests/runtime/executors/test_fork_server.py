"""The process that children are forked from: what is in it, and what becomes of it."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.models.execution import Status
from tests.runtime.executors.bench import Bench, lives, open_files, pid_in
from tests.waiting import until

MakeBench = Callable[..., Bench]


def pid_of(bench: Bench) -> int:
    pid = bench.pool.server.pid
    assert pid is not None
    return pid


def internet_sockets(pid: int) -> set[str]:
    """Those of a process's open files that are connections of the internet's protocols."""
    known = set()
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        known |= {f"socket:[{line.split()[9]}]" for line in lines}
    return known & set(open_files(pid))


def test_it_starts_with_the_first_run_and_not_before(make_bench: MakeBench) -> None:
    bench = make_bench()
    assert bench.pool.server.pid is None
    assert bench.call("add", 1).result == "2"
    assert lives(pid_of(bench))


def test_it_has_one_thread_and_no_connection_though_a_module_has_opened_one(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("tasks", "connected")
    assert bench.call("add", 1).result == "2"
    pid = pid_of(bench)
    assert [task.name for task in Path(f"/proc/{pid}/task").iterdir()] == [str(pid)]
    assert internet_sockets(pid) == set()
    assert not [file for file in open_files(pid) if ".sqlite3" in file]
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull


def test_its_children_get_the_modules_connection_no_more_than_it_keeps_it(
    make_bench: MakeBench, transactional_db: None
) -> None:
    bench = make_bench("tasks", "connected")
    assert bench.call("count_users").result == "0"


def test_a_module_that_cannot_be_loaded_fails_the_run_with_its_traceback_and_is_logged(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench("tasks", "broken")
    verdict = bench.call("add", 1)
    assert verdict.status == Status.FAILED
    assert verdict.error.startswith("The tasks could not be loaded in the fork server: ")
    assert "ZeroDivisionError: a module that cannot be loaded" in verdict.error
    assert "broken.py" in verdict.traceback
    assert verdict.released_at
    until(lambda: [r for r in caplog.records if r.event == "fork_server.failed"])
    assert bench.call("add", 1).error == verdict.error


def test_a_start_that_failed_is_tried_again_after_a_while(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, mark: Path
) -> None:
    monkeypatch.setattr("jobs.runtime.executors.fork_server.MIN_DELAY_S", 0.05)
    monkeypatch.setenv("SAMPLE_MARK", str(mark))
    bench = make_bench("tasks", "needs_mark")
    assert bench.call("add", 1).status == Status.FAILED
    mark.touch()
    until(lambda: bench.call("add", 1).status == Status.SUCCEEDED)


def test_a_module_that_ends_the_process_is_reported_with_the_exit_code(
    make_bench: MakeBench,
) -> None:
    verdict = make_bench("exiting").call("add", 1)
    assert verdict.status == Status.FAILED
    assert "ended while it loaded the tasks: exit code 7" in verdict.error


def test_a_thread_that_a_module_has_started_is_an_error_that_names_it(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = make_bench("tasks", "threaded").call("add", 1)
    assert verdict.status == Status.FAILED
    assert "left-by-import" in verdict.error


def test_a_thread_that_ends_soon_is_waited_for(make_bench: MakeBench) -> None:
    assert make_bench("tasks", "briefly_threaded").call("add", 1).result == "2"


def test_a_start_that_takes_too_long_is_ended(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.runtime.executors.fork_server.START_LIMIT_S", 0.3)
    verdict = make_bench("tasks", "endless").call("add", 1)
    assert verdict.status == Status.FAILED
    assert "not ready after" in verdict.error


def test_a_run_that_waits_for_a_start_can_be_cancelled(make_bench: MakeBench) -> None:
    bench = make_bench("tasks", "endless")
    run = bench.give("add", 1)
    until(lambda: bench.pool.server.pid)
    run.ask_to_cancel("dba")
    assert bench.verdict(run).status == Status.CANCELLED


def test_the_time_of_its_start_does_not_count_to_a_runs_timeout(make_bench: MakeBench) -> None:
    bench = make_bench("tasks", "slow_to_load")
    run = bench.give("nothing", timeout_s=1)
    verdict = bench.verdict(run)
    assert verdict.status == Status.SUCCEEDED
    assert verdict.duration_s < 1


def test_when_it_is_killed_its_runs_fail_saying_so_and_the_next_run_works(
    make_bench: MakeBench, mark: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench()
    run = bench.give("hold_process", str(mark))
    grandchild = pid_in(mark)
    first = pid_of(bench)
    os.kill(first, signal.SIGKILL)
    verdict = bench.verdict(run)
    assert verdict.status == Status.FAILED
    assert "The fork server ended (killed by signal 9 (SIGKILL))" in verdict.error
    until(lambda: not lives(grandchild))
    assert bench.call("add", 1).result == "2"
    assert pid_of(bench) != first
    (record,) = [r for r in caplog.records if getattr(r, "event", "") == "fork_server.died"]
    assert record.levelno == logging.ERROR


def test_when_it_is_killed_while_nothing_runs_the_next_run_works(make_bench: MakeBench) -> None:
    bench = make_bench()
    for _time in range(2):
        assert bench.call("add", 1).result == "2"
        pid = pid_of(bench)
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: bench.pool.server.pid != pid)


def test_when_it_hangs_it_is_killed_and_the_next_run_works(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("fork_server", "dialogue"):
        monkeypatch.setattr(f"jobs.runtime.executors.{module}.ANSWER_LIMIT_S", 0.3)
    monkeypatch.setattr("jobs.runtime.executors.dialogue.BEGIN_LIMIT_S", 0.5)
    bench = make_bench()
    assert bench.call("leave_thread").status == Status.SUCCEEDED
    hanging = pid_of(bench)
    os.kill(hanging, signal.SIGSTOP)
    assert bench.call("add", 1).result == "2"
    assert not lives(hanging)


def test_a_sigterm_that_is_not_its_parents_death_is_not_heeded(make_bench: MakeBench) -> None:
    bench = make_bench()
    assert bench.call("add", 1).result == "2"
    pid = pid_of(bench)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)
    assert bench.call("leave_thread").status == Status.SUCCEEDED
    assert bench.call("add", 1).result == "2"
    assert pid_of(bench) == pid


def test_nor_is_one_while_it_loads(make_bench: MakeBench) -> None:
    """As systemd sends to all processes of a service, whose runs have their grace."""
    bench = make_bench("tasks", "slow_to_load")
    run = bench.give("add", 1)
    pid = until(lambda: bench.pool.server.pid)

    def is_over() -> bool:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(pid, number)
        return run not in bench.pool.runs()

    until(is_over)
    assert bench.verdict(run).status == Status.SUCCEEDED
    assert pid_of(bench) == pid


def test_a_fork_that_the_system_refuses_fails_the_run_and_says_why(make_bench: MakeBench) -> None:
    verdict = make_bench("tasks", "cannot_fork").call("add", 1)
    assert verdict.status == Status.FAILED
    assert "No process could be started for it: [Errno 11] try again" in verdict.error


def test_a_system_without_fork_fails_the_run_and_names_the_way_out(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.fork")
    verdict = make_bench().call("add", 1)
    assert verdict.status == Status.FAILED
    assert "executor “threads”" in verdict.error
