"""Children are kept from run to run, replaced when they had better be, and leave nothing."""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from jobs.models.execution import Status
from tests.runtime.executors.bench import Bench, children_of, lives, open_files, pid_in
from tests.waiting import until

MakeBench = Callable[..., Bench]


def pid_of(bench: Bench, task: str = "where", *args: object) -> int:
    """Of the child in which the task ran; the task's result, or its first part."""
    verdict = bench.call(task, *args)
    assert verdict.status == Status.SUCCEEDED
    found = json.loads(verdict.result or "")
    return int(found[0] if isinstance(found, list) else found)


def test_a_child_takes_run_after_run_and_is_replaced_after_so_many(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.runtime.executors.slot.RUNS_PER_CHILD", 3)
    bench = make_bench()
    pids = [pid_of(bench) for _run in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


@pytest.mark.parametrize("task", ["leave_thread", "change_folder", "lower_limit", "grow"])
def test_a_child_that_is_not_as_it_was_is_replaced(single: Bench, task: str) -> None:
    assert pid_of(single) == pid_of(single)
    changed = pid_of(single, task)
    assert pid_of(single) != changed
    until(lambda: not lives(changed))


@pytest.mark.parametrize("task", ["set_alarm", "ignore_signals", "run_a_thread", "run_a_loop"])
def test_what_passes_or_can_be_put_back_costs_no_child(single: Bench, task: str) -> None:
    before = pid_of(single)
    assert pid_of(single, task) == before
    assert pid_of(single, "wait_a_moment") == before


def test_processes_that_a_run_leaves_are_killed_with_a_warning(single: Bench, mark: Path) -> None:
    verdict = single.call("leave_process", str(mark))
    assert verdict.status == Status.SUCCEEDED
    left = pid_in(mark)
    assert verdict.warning == f"It left processes behind, which were killed: sleep ({left})."
    until(lambda: not lives(left))
    assert pid_of(single) != int(verdict.result or "")


def test_a_process_that_a_task_has_forked_neither_speaks_nor_returns_for_it(
    single: Bench,
) -> None:
    run = single.give("fork_and_return")
    verdict = single.verdict(run)
    assert verdict.status == Status.SUCCEEDED, verdict
    assert verdict.result == "1"
    assert single.lines(run) == []
    assert single.progress(run) == []
    assert single.call("add", 1).result == "2"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_task_may_have_a_pool_of_processes_of_its_own(single: Bench, method: str) -> None:
    verdict = single.call("use_pool", method)
    assert verdict.error == ""
    assert verdict.result == "[0, 1, 4]"
    assert verdict.warning == ""  # not even for the helpers that multiprocessing keeps


def test_a_warning_of_python_is_in_the_log_of_each_run_that_gives_it(
    single: Bench,
) -> None:
    for _time in range(2):
        run = single.give("warn_of_old_habits")
        single.verdict(run)
        (line,) = single.lines(run)
        assert "an old habit" in line


def test_a_child_has_no_descriptors_but_its_own(single: Bench) -> None:
    pid = pid_of(single)
    files = open_files(pid)
    sockets = [file for file in files if file.startswith("socket:")]
    assert len(sockets) == 1
    assert sum("schedcore-crash" in file for file in files) == 1
    assert not [file for file in files if "eventpoll" in file]


def test_a_child_has_no_connection_when_its_run_is_over(
    single: Bench, transactional_db: None
) -> None:
    before = open_files(pid_of(single))
    User.objects.create(username="somebody")
    assert single.call("count_users").result == "1"
    assert open_files(pid_of(single)) == before
    connection.close()


def test_nothing_adds_up_over_many_runs_and_deaths(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(workers=2)
    calls = [("exit_hard", 9), ("log_lines", 9), ("kill_itself", 9), ("leave_thread",), ("where",)]

    def figures_after_a_round(number: int) -> tuple[int, int, int, int]:
        runs = [bench.give(*call) for call in calls]
        runs += [
            bench.give("meet", str(tmp_path), f"{number}-{me}", f"{number}-{other}")
            for me, other in ((1, 2), (2, 1))  # at the same time: each slot has a child then
        ]
        for run in runs:
            bench.has_returned(run)
        server = bench.pool.server.pid
        assert server is not None
        return (
            len(open_files(os.getpid())),
            threading.active_count(),
            len(open_files(server)),
            len(children_of(server)),
        )

    before = figures_after_a_round(0)
    assert [figures_after_a_round(number) for number in range(1, 9)] == [before] * 8
    assert before[-1] == 2


def test_the_start_of_a_run_after_the_first_takes_milliseconds(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards that nothing is loaded again for a run, which takes a second and more; that it
    takes less than 50 ms is judged by `make bench ARGS=start_in_process`, on a quiet machine."""
    bench = make_bench()
    began = time.monotonic()
    bench.call("nothing")
    first_s = time.monotonic() - began
    starts = []
    for _run in range(50):
        given = time.time()
        starts.append(float(bench.call("now").result or "") - given)
    fresh = []
    for _run in range(10):
        bench.call("leave_thread")  # its child is replaced
        given = time.time()
        fresh.append(float(bench.call("now").result or "") - given)
    with capsys.disabled():
        sys.stdout.write(
            f"\nstart of a run in a process: the first {first_s * 1000:.0f} ms, in a child that "
            f"was there {statistics.median(starts) * 1000:.1f} ms (worst "
            f"{max(starts) * 1000:.1f}), in a new child {statistics.median(fresh) * 1000:.1f} ms "
            f"(worst {max(fresh) * 1000:.1f})\n"
        )
    assert statistics.median(starts) < 1.0
    assert statistics.median(fresh) < 1.0
