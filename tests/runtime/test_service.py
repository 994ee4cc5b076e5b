"""The process around the loop: what it notices of it, and how it is asked to end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from jobs.control import execution as execution_control
from jobs.errors import Unavailable
from jobs.models import JobExecution, LogLevel, SchedulerLease, Status
from jobs.registry import scheduled_task
from jobs.runtime import service as service_module
from jobs.runtime.service import Service
from jobs.runtime.watchdog import STUCK
from tests.factories import ACTOR, make_job
from tests.runtime.watched import tasks
from tests.runtime.watched.processes import RunScheduler, watched_schedulers
from tests.waiting import until


def ignore(text: str) -> None:
    pass


class Pools:
    def __init__(self) -> None:
        self.going: list[object] = []

    def runs(self) -> list[object]:
        return self.going


def test_it_waits_until_it_is_asked_to_stop_and_puts_streams_back_while_no_run_is_going(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, scheduler = Service(ignore), SimpleNamespace(pools=Pools())
    scheduler.pools.going = [object()]
    looks: list[bool] = []

    def look(seconds: float) -> bool:
        looks.append(True)
        scheduler.pools.going = [] if len(looks) > 3 else scheduler.pools.going
        return len(looks) > 5

    put_back: list[int] = []
    monkeypatch.setattr(service._stop, "wait", look)
    monkeypatch.setattr(service_module.capture, "put_back", lambda: put_back.append(len(looks)))
    service._wait(scheduler)  # type: ignore[arg-type]
    assert put_back == [4, 5]


def test_an_end_that_does_not_come_is_given_up_but_not_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, shutdown_grace_s=7.0)
    events: list[object] = []
    service = Service(ignore)
    monkeypatch.setattr(service._stop, "wait", lambda: events.append("asked"))
    monkeypatch.setattr(service_module, "time", SimpleNamespace(sleep=events.append))
    monkeypatch.setattr(service_module, "give_up", lambda why: events.append("given up"))
    service._end_at_last()
    assert events == ["asked", 7.0 + service_module.END_LIMIT_S, "given up"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place", [(service_module.definitions, "ensure"), (service_module.SchedcoreScheduler, "begin")]
)
def test_a_database_that_goes_away_during_the_start_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    def locked(*args: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(*place, locked)
    with pytest.raises(Unavailable, match=r"cannot be reached: database is locked$"):
        Service(ignore).run(handles_signals=False)


def test_it_says_how_many_runs_it_has_interrupted() -> None:
    said: list[str] = []
    scheduler = SimpleNamespace(pools=Pools(), end=lambda *, grace_s: 2)
    Service(said.append)._end(scheduler)  # type: ignore[arg-type]
    assert said == ["Stopped; 2 runs were interrupted."]


@pytest.fixture
def run_scheduler(transactional_db: None, tmp_path: Path) -> Iterator[RunScheduler]:
    for task in (tasks.speak, tasks.spoil, tasks.hold_log):
        scheduled_task(name=f"watched.{task.__name__}")(task)
    with watched_schedulers(tmp_path) as start:
        yield start


def ended(execution: JobExecution) -> JobExecution:
    def look() -> bool:
        execution.refresh_from_db()
        return execution.is_finished

    until(look)
    return execution


def test_what_a_task_says_is_in_its_runs_log_and_the_process_log_is_json_alone(
    run_scheduler: RunScheduler,
) -> None:
    scheduler = run_scheduler(SCHEDCORE_LOG_LEVEL="WARNING", SCHEDCORE_LOG_FORMAT="json")
    scheduler.says("leader")
    made = make_job(function="watched.speak")
    for _run in range(2):
        row = ended(execution_control.run_now(made.pk, actor=ACTOR))
        assert row.status == Status.SUCCEEDED
        until(lambda row=row: row.logs.count() == 6)
        lines = list(row.logs.values_list("level", "logger", "message"))
        assert lines[:3] == [
            (LogLevel.INFO, "watched", "an info"),
            (LogLevel.INFO, "stdout", "a print"),
            (LogLevel.WARNING, "stderr", "a complaint"),
        ]
        level, logger, message = lines[3]
        assert (level, logger) == (LogLevel.WARNING, "py.warnings")
        assert "UserWarning: a warning" in message
        assert lines[4:] == [
            (LogLevel.INFO, "stdout", "from a thread"),
            (LogLevel.INFO, "stdout", "no end"),
        ]
    assert scheduler.stop() == 0
    told = scheduler.output.partition("  role ")[2].splitlines()[1:-1]  # to "Stopped."
    assert {json.loads(line)["logger"] for line in told} == {"py.warnings"}


def test_a_task_that_leaves_no_standard_output_leaves_the_next_one_its_own(
    run_scheduler: RunScheduler,
) -> None:
    scheduler = run_scheduler()
    scheduler.says("leader")
    ended(execution_control.run_now(make_job(function="watched.spoil").pk, actor=ACTOR))
    speaking = make_job(function="watched.speak", max_instances=1)

    def is_heard() -> bool:
        row = ended(execution_control.run_now(speaking.pk, actor=ACTOR))
        return row.logs.filter(logger="stdout").count() == 3

    until(is_heard)
    assert scheduler.stop() == 0
    assert "Stopped." in scheduler.output


# -- An end that somebody holds up ----------------------------------------------------------


def leads() -> bool:
    return SchedulerLease.objects.exclude(holder="").exists()


def test_a_standard_output_that_nobody_reads_keeps_it_neither_from_work_nor_from_its_end(
    run_scheduler: RunScheduler, full_pipe: int
) -> None:
    scheduler = run_scheduler(stdout=full_pipe)
    until(leads)
    made = make_job(function="watched.speak")
    assert ended(execution_control.run_now(made.pk, actor=ACTOR)).status == Status.SUCCEEDED
    assert scheduler.stop() == 0
    assert not leads()


def test_a_task_that_holds_the_logs_lock_for_ever_does_not_keep_the_process(
    run_scheduler: RunScheduler, tmp_path: Path
) -> None:
    scheduler = run_scheduler(SCHEDCORE_LOG_LEVEL="ERROR", SCHEDCORE_SHUTDOWN_GRACE="0")
    scheduler.says("leader")
    mark = tmp_path / "mark"
    made = make_job(function="watched.hold_log", kwargs={"mark": str(mark)})
    row = execution_control.run_now(made.pk, actor=ACTOR)
    until(mark.exists)
    assert scheduler.stop() == 0
    assert "1 runs were interrupted" in scheduler.output
    assert ended(row).status == Status.INTERRUPTED


@pytest.mark.parametrize("what", ["hangs", "holds Python's lock"])
def test_an_end_that_hangs_ends_the_process_with_the_stacks_of_all_threads(
    run_scheduler: RunScheduler, what: str
) -> None:
    scheduler = run_scheduler(QUICK="yes", END=what, SCHEDCORE_SHUTDOWN_GRACE="0")
    scheduler.says("leader")
    assert scheduler.stop() == (STUCK if what == "hangs" else 1)
    assert ("does not come to its end" in scheduler.output) is (what == "hangs")
    assert "watched/apps.py" in scheduler.output


# -- The request to end -------------------------------------------------------------------


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def test_one_ctrl_c_that_arrives_twice_is_one(exits: list[int]) -> None:
    service = Service(ignore)
    service._on_signal(signal.SIGINT, None)
    service._on_signal(signal.SIGINT, None)
    assert service._stop.wait(0)
    assert exits == []


def test_a_second_ctrl_c_a_moment_later_ends_it_at_once(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([100.0, 101.0, 102.0])
    monkeypatch.setattr(service_module.time, "monotonic", lambda: next(moments))
    service = Service(ignore)
    service._on_signal(signal.SIGINT, None)
    service._on_signal(signal.SIGTERM, None)
    assert exits == [], "a service manager may repeat itself"
    service._on_signal(signal.SIGINT, None)
    assert exits == [130]
