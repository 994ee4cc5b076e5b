"""What every executor does alike; each test runs on each of them."""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from jobs.models.execution import Source, Status
from jobs.registry import StopRun
from jobs.runtime.executors.pool import Pool
from jobs.runtime.executors.processes import ProcessesExecutor
from jobs.runtime.executors.threads import ThreadsExecutor
from jobs.runtime.perform import MAX_RESULT_BYTES
from tests.runtime.executors import sample
from tests.runtime.executors.bench import OCCURRENCE, Bench, benched
from tests.runtime.executors.conftest import make_pool
from tests.waiting import until

# -- How a task ends ---------------------------------------------------------------------------


def test_the_result_of_a_task_is_kept_as_json(bench: Bench) -> None:
    finished = bench.finish_of(bench.give("add", 2, kwargs={"b": 3}))
    assert finished.verdict.status == Status.SUCCEEDED
    assert finished.verdict.result == "5"
    assert finished.retval == 5
    assert finished.exception is None


def test_a_task_without_a_result_has_succeeded(bench: Bench) -> None:
    verdict = bench.call("nothing")
    assert verdict.status == Status.SUCCEEDED
    assert verdict.result is None


def test_an_error_comes_with_its_traceback(bench: Bench) -> None:
    finished = bench.finish_of(bench.give("divide_by_zero"))
    verdict = finished.verdict
    assert verdict.status == Status.FAILED
    assert verdict.error == "ZeroDivisionError: division by zero"
    assert "in divide_by_zero" in verdict.traceback
    assert "return 1 / 0" in verdict.traceback
    assert "division by zero" in str(finished.exception)


def test_a_result_that_is_no_json_is_kept_as_text_with_a_warning(bench: Bench) -> None:
    verdict = bench.call("return_an_object")
    assert verdict.status == Status.SUCCEEDED
    assert "threading.Event" in json.loads(verdict.result or "")
    assert "no JSON" in verdict.warning


def test_of_a_very_long_result_the_beginning_is_kept_and_that_is_said(bench: Bench) -> None:
    verdict = bench.call("return_much")
    assert verdict.status == Status.SUCCEEDED
    kept = json.loads(verdict.result or "")
    assert kept.startswith('"xxxx')
    assert len(kept) < MAX_RESULT_BYTES
    assert "only its beginning is kept" in verdict.warning


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ("raise_system_exit", "SystemExit: enough"),
        ("raise_keyboard_interrupt", "KeyboardInterrupt: "),
        ("raise_unprintable", "Unprintable: <no description>"),
        ("no_such_task", "UnknownFunction: "),
    ],
)
def test_whatever_a_task_raises_is_its_failure_alone(bench: Bench, task: str, error: str) -> None:
    verdict = bench.call(task)
    assert verdict.status == Status.FAILED
    assert verdict.error.startswith(error)
    assert verdict.traceback
    assert bench.call("add", 1).status == Status.SUCCEEDED


def test_a_task_that_stops_itself_has_failed_for_the_reason_it_gives(bench: Bench) -> None:
    verdict = bench.call("raise_stop_run")
    assert verdict.status == Status.FAILED
    assert verdict.reason == "of its own accord"


def test_a_coroutine_is_run_to_its_end(bench: Bench) -> None:
    run = bench.give("add_later", 1)
    assert bench.verdict(run).result == "2"
    assert bench.lines(run) == ["in the loop"]


def test_a_transaction_that_a_task_leaves_open_is_rolled_back(
    bench: Bench, transactional_db: None
) -> None:
    assert bench.call("leave_transaction_open", "nobody").status == Status.SUCCEEDED
    assert not User.objects.filter(username="nobody").exists()
    assert bench.call("count_users").result == "0"


def test_a_task_uses_the_database_of_the_scheduler(bench: Bench, transactional_db: None) -> None:
    User.objects.create(username="somebody")
    for _run in range(3):
        assert bench.call("count_users").result == "1"
    connection.close()


# -- What a task sees and says -----------------------------------------------------------------


def test_a_task_sees_its_own_execution(bench: Bench) -> None:
    run = bench.give(
        "see_itself", job_id="nightly", attempt=3, epoch=9, source=Source.RETRY, requested_by="dba"
    )
    seen = json.loads(bench.verdict(run).result or "")
    assert datetime.fromisoformat(seen.pop("scheduled_for")) == OCCURRENCE
    assert seen == {
        "id": run.handout.execution_id,
        "job_id": "nightly",
        "attempt": 3,
        "epoch": 9,
        "source": "retry",
        "requested_by": "dba",
    }


@pytest.mark.parametrize(
    "value", ['Müller "账户" \U0001f600', "\n", 2**70, -0.5, None, [1, {"a": [True, {}]}]]
)
def test_arguments_and_result_arrive_as_they_were_given(bench: Bench, value: object) -> None:
    assert json.loads(bench.call("give_back", value).result or "null") == value
    assert json.loads(bench.call("give_back", kwargs={"value": value}).result or "null") == value


def test_a_large_argument_arrives(bench: Bench) -> None:
    assert bench.call("measure", "x" * 1_000_000).result == "1000000"


def test_half_of_a_surrogate_pair_does_not_stop_a_run(bench: Bench) -> None:
    verdict = bench.call("return_half_a_surrogate_pair")
    assert verdict.status == Status.SUCCEEDED
    assert "cannot be stored" in verdict.warning


def test_the_last_progress_that_a_task_tells_arrives(bench: Bench) -> None:
    run = bench.give("tell_progress", 5000)
    assert bench.verdict(run).status == Status.SUCCEEDED
    told = bench.progress(run)
    assert told[0][1:] == (0, 5000, "step 0")
    assert told[-1][1:] == (5000, 5000, "step 5000")


def test_progress_arrives_while_the_task_goes_on(bench: Bench, mark: Path) -> None:
    run = bench.give("tell_one_step", str(mark))
    until(lambda: bench.progress(run)[-1:] and bench.progress(run)[-1].message == "two")
    mark.touch()
    assert bench.verdict(run).status == Status.SUCCEEDED


def test_what_a_task_logs_is_told_in_its_order_with_level_and_logger(bench: Bench) -> None:
    run = bench.give("log_lines", 4)
    bench.verdict(run)
    assert bench.lines(run) == ["line 0", "line 1", "line 2", "line 3"]
    assert bench.levels(run) == [
        (logging.INFO, "sample"),
        (logging.WARNING, "sample"),
        (logging.INFO, "sample"),
        (logging.WARNING, "sample"),
    ]


def test_the_log_of_a_run_is_cut_at_its_limit_and_says_so(bench: Bench) -> None:
    run = bench.give("log_lines", 11_000)
    assert bench.verdict(run).status == Status.SUCCEEDED
    lines = bench.lines(run)
    assert len(lines) == 10_001
    assert "cut here" in lines[-1]


def test_what_a_task_prints_is_in_its_log(bench: Bench) -> None:
    run = bench.give("print_lines")
    bench.verdict(run)
    assert bench.lines(run) == ["to standard output", "without an end"]


def test_the_warnings_of_a_task_stand_in_its_verdict(bench: Bench) -> None:
    run = bench.give("warn_twice")
    verdict = bench.verdict(run)
    assert verdict.status == Status.SUCCEEDED
    assert verdict.result == "2"
    assert verdict.warning == "first\nsecond"
    assert bench.lines(run) == ["first", "second"]


# -- How a run is ended ------------------------------------------------------------------------


def test_a_run_that_is_over_its_time_ends_as_timed_out_and_tidies_up(
    bench: Bench, mark: Path
) -> None:
    run = bench.give("wait_patiently", str(mark), timeout_s=1)
    verdict = bench.verdict(run)
    assert verdict.status == Status.TIMED_OUT
    assert "longer than its timeout of 1 s" in verdict.reason
    bench.has_returned(run)
    assert mark.read_text() == "tidied up"


def test_a_cancelled_run_ends_at_once_and_tidies_up(bench: Bench, mark: Path) -> None:
    run = bench.give("wait_patiently", str(mark))
    until(mark.exists)
    run.ask_to_cancel("dba")
    finished = bench.finish_of(run)
    assert finished.verdict.status == Status.CANCELLED
    assert finished.verdict.reason == "Cancelled by dba."
    assert finished.verdict.error == ""
    assert finished.verdict.is_final
    assert finished.verdict.released_at
    assert isinstance(finished.exception, StopRun)
    assert mark.read_text() == "tidied up"


def test_a_run_that_is_cancelled_before_its_turn_does_not_begin(bench: Bench, mark: Path) -> None:
    others = [bench.give("wait_for_file", str(mark)) for _slot in range(bench.pool.workers)]
    until(lambda: all(other.started for other in others))
    run = bench.give("log_lines", 1)
    run.ask_to_cancel("dba")
    mark.touch()
    assert bench.verdict(run).status == Status.CANCELLED
    assert bench.lines(run) == []


def test_a_run_that_ends_within_its_time_succeeds(bench: Bench) -> None:
    assert bench.call("nothing", timeout_s=60).status == Status.SUCCEEDED


def test_the_duration_is_that_of_the_task(bench: Bench) -> None:
    verdict = bench.call("wait_a_moment")
    assert verdict.duration_s >= sample.MOMENT_S
    assert verdict.finished_at - verdict.started_at >= timedelta(seconds=sample.MOMENT_S)


def test_the_loop_knows_of_a_timeout_before_the_task_is_called(bench: Bench, mark: Path) -> None:
    """Or it might sleep over the deadline."""
    busy = [bench.give("wait_for_file", str(mark)) for _slot in range(bench.pool.workers)]
    until(lambda: all(run.started for run in busy))
    assert [run.open_deadline for run in busy] == [None] * len(busy)
    run = bench.give("wait_patiently", f"{mark}-2", timeout_s=5)
    assert run.open_deadline is not None
    assert run.open_deadline - time.monotonic() <= 5
    mark.touch()
    until(lambda: run.deadline)
    assert run.open_deadline == run.deadline
    run.ask_to_cancel("dba")
    bench.has_returned(run)
    assert run.open_deadline is None


def test_a_slot_that_was_freed_by_force_takes_the_next_run(bench: Bench, mark: Path) -> None:
    for _slot in range(bench.pool.workers * 2):
        run = bench.give("wait_patiently", str(mark))
        until(mark.exists)
        run.ask_to_cancel("dba")
        bench.has_returned(run)
        mark.unlink()
    assert bench.call("add", 1).result == "2"


# -- Slots -------------------------------------------------------------------------------------


def test_two_runs_go_on_at_the_same_time(bench: Bench, tmp_path: Path) -> None:
    one = bench.give("meet", str(tmp_path), "one", "other")
    other = bench.give("meet", str(tmp_path), "other", "one")
    assert bench.verdict(one).status == Status.SUCCEEDED
    assert bench.verdict(other).status == Status.SUCCEEDED


def test_many_runs_use_no_more_than_the_slots(bench: Bench) -> None:
    runs = [bench.give("where") for _number in range(100)]
    places = {bench.verdict(run).result for run in runs}
    assert len(places) <= bench.pool.workers


def test_runs_that_have_not_begun_are_taken_back(bench: Bench, mark: Path) -> None:
    busy = [bench.give("wait_for_file", str(mark)) for _slot in range(bench.pool.workers)]
    until(lambda: all(run.started for run in busy))
    waiting = [bench.give("log_lines", 1) for _number in range(3)]
    assert bench.pool.take_back() == [run.handout.execution_id for run in waiting]
    mark.touch()
    for run in busy:
        assert bench.verdict(run).status == Status.SUCCEEDED
    assert bench.call("nothing").status == Status.SUCCEEDED
    assert [bench.lines(run) for run in waiting] == [[], [], []]


@pytest.fixture(params=[ThreadsExecutor.alias, ProcessesExecutor.alias])
def pool(request: pytest.FixtureRequest, django_db_setup: None) -> Pool:
    return make_pool(request.param, workers=1)


def test_no_run_begins_after_shutdown(pool: Pool, mark: Path) -> None:
    with benched(pool) as bench:
        busy = bench.give("wait_patiently", str(mark))
        until(mark.exists)
        waiting = bench.give("log_lines", 1)
        pool.shutdown(wait=False)
        busy.ask_to_cancel("test")
        until(lambda: not any(thread.is_alive() for thread in pool.threads))
        assert pool.take_back() == [waiting.handout.execution_id]
    assert bench.lines(waiting) == []
