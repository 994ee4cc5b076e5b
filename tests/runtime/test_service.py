"""The process around the loop: what it notices of it, and how it is asked to end."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.control import execution as execution_control
from jobs.models import JobExecution, LogLevel, Status
from jobs.registry import scheduled_task
from jobs.runtime import service as service_module
from jobs.runtime.service import Service
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


def test_an_end_that_does_not_come_is_given_up(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """As when the database has fallen silent."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, shutdown_grace_s=0.0)
    monkeypatch.setattr(service_module, "END_LIMIT_S", 0.05)
    given_up = threading.Event()
    monkeypatch.setattr(service_module, "give_up", lambda why: given_up.set())
    scheduler = SimpleNamespace(pools=Pools(), end=lambda *, grace_s: not given_up.wait(20))
    Service(ignore)._end(scheduler)  # type: ignore[arg-type]
    assert given_up.is_set()


def test_an_end_that_comes_in_time_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, shutdown_grace_s=0.0)
    timers: list[Any] = []

    class Timer:
        def __init__(self, *_args: object) -> None:
            self.events: list[str] = []
            timers.append(self)

        def start(self) -> None:
            self.events.append("started")

        def cancel(self) -> None:
            self.events.append("cancelled")

    monkeypatch.setattr(service_module.threading, "Timer", Timer)
    said: list[str] = []
    scheduler = SimpleNamespace(pools=Pools(), end=lambda *, grace_s: 2)
    Service(said.append)._end(scheduler)  # type: ignore[arg-type]
    assert timers[0].events == ["started", "cancelled"]
    assert said == ["Stopped; 2 runs were interrupted."]


@pytest.fixture
def run_scheduler(transactional_db: None, tmp_path: Path) -> Iterator[RunScheduler]:
    for task in (tasks.speak, tasks.spoil):
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
