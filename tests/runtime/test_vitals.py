"""What the loop measures of itself, and what of it stands in the heartbeat's figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from jobs.executions.database import database_now
from jobs.health.report import health
from jobs.models import Job, Revision, SchedulerProcess
from jobs.runtime.scheduler import SchedcoreScheduler
from jobs.runtime.vitals import Vitals
from tests.waiting import until

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def nightly() -> None: ...


def figures() -> dict[str, Any]:
    found: dict[str, Any] = SchedulerProcess.objects.get(stopped_at=None).figures
    return found


def test_nothing_is_told_that_was_not_measured() -> None:
    assert set(Vitals().figures().values()) == {None}


def test_writes_are_told_by_their_middle_and_their_worst() -> None:
    vitals = Vitals()
    for took_s in (0.002, 0.9, 0.003):
        vitals.wrote(took_s)
    told = vitals.figures()
    assert (told["database_write_p50_s"], told["database_write_max_s"]) == (0.003, 0.9)


def test_writes_of_long_ago_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    vitals = Vitals()
    monkeypatch.setattr("jobs.runtime.vitals.time.monotonic", lambda: 1000.0)
    vitals.wrote(0.9)
    monkeypatch.setattr("jobs.runtime.vitals.time.monotonic", lambda: 1301.0)
    assert vitals.figures()["database_write_max_s"] is None


def test_the_clocks_are_compared_at_the_middle_of_the_question() -> None:
    vitals = Vitals()
    told_at = NOON + timedelta(seconds=0.2)
    vitals.compared(NOON, told_at, NOON - timedelta(seconds=3))
    assert vitals.figures()["clock_ahead_s"] == 3.1


@pytest.mark.parametrize("seconds", [0.6, -0.6])
def test_an_answer_that_took_long_tells_nothing_of_the_clocks(seconds: float) -> None:
    vitals = Vitals()
    vitals.compared(NOON, NOON + timedelta(seconds=seconds), NOON - timedelta(seconds=9))
    assert vitals.figures()["clock_ahead_s"] is None


def test_a_heartbeat_tells_what_was_measured(
    start_scheduler: Callable[..., SchedcoreScheduler],
) -> None:
    start_scheduler()
    until(lambda: figures().get("database_write_max_s") is not None)
    told = figures()
    assert 0 < told["database_write_p50_s"] <= told["database_write_max_s"]
    assert datetime.fromisoformat(told["last_tick_at"]) <= database_now()
    if connection.vendor == "postgresql":
        assert abs(told["clock_ahead_s"]) < 5  # the server is on this host
    else:
        assert told["clock_ahead_s"] is None


def test_the_leader_tells_up_to_which_change_it_has_come(
    start_scheduler: Callable[..., SchedcoreScheduler], job: Callable[..., Job]
) -> None:
    start_scheduler()
    job(nightly)
    number = Revision.objects.get().number
    until(lambda: figures().get("revision") == number)
    told = health(database_now())["revision"]
    assert (told["current"], told["behind_s"]) == (number, 0.0)


def test_a_loop_whose_ticks_fail_is_an_error_while_its_heart_beats(
    start_scheduler: Callable[..., SchedcoreScheduler],
    monkeypatch: pytest.MonkeyPatch,
    job: Callable[..., Job],
) -> None:
    """Pain 26: whoever beats and cannot work is not well."""

    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("no more room on the disk")

    def codes() -> list[str]:
        return [one["code"] for one in health(database_now())["warnings"]]

    scheduler = start_scheduler()
    until(lambda: "loop_stands_still" not in codes() and scheduler.membership.is_leader)
    with monkeypatch.context() as patch:
        patch.setattr("jobs.runtime.scheduler.claim_due", fail)
        job(nightly)
        until(lambda: {"loop_stands_still", "scheduler_faulted"} <= set(codes()))
    until(lambda: "loop_stands_still" not in codes())
