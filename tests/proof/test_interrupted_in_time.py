"""What a process that died has left has its verdict two TTLs later, whoever died and whoever
leads; in a time that the test lets pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from jobs.models import JobExecution, SchedulerProcess, Status
from jobs.runtime.run import Run
from tests.proof.clockwork import Clockwork, clockwork
from tests.proof.rows import make, row, rows
from tests.proof.sleeper import Sleeper, live_on_for, takes_s
from tests.runtime.runs import run

Start = Callable[[str], Sleeper]

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[Clockwork]:
    with clockwork() as clock:
        yield clock


@pytest.fixture(params=[15.0, 2.0])
def ttl_s(request: pytest.FixtureRequest, settings: Any) -> float:
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=request.param)
    return float(request.param)


@pytest.fixture(params=[3.0, 3.1, 3.2, 3.3])
def before_s(request: pytest.FixtureRequest, ttl_s: float) -> float:
    """How long it lived, so that it dies at one moment or another between two beats."""
    return float(request.param * ttl_s)


@pytest.fixture
def start(clock: Clockwork, ttl_s: float) -> Start:
    return lambda host: Sleeper(clock, host, workers=2)


def begin_two(sleeper: Sleeper) -> tuple[JobExecution, JobExecution]:
    """A run that goes on, and one that has its verdict and still holds its slot."""
    going, deaf = run(make("going")), run(make("deaf", timeout=1))
    takes_s(lambda: len(sleeper.handed_out) == 2, sleeper)
    begun: list[Run] = []
    while (taken := sleeper.begins()) is not None:
        begun.append(taken)
    assert [taken.handout.execution_id for taken in begun] == [going.pk, deaf.pk]
    live_on_for(1.5, sleeper)
    assert row("deaf").status == Status.TIMED_OUT
    assert unreleased_of(sleeper) == 2
    return going, deaf


def unreleased_of(sleeper: Sleeper) -> int:
    return JobExecution.objects.unreleased().filter(owner=sleeper.id).count()


def are_ended(dead: Sleeper, living: Sleeper, within_s: float) -> None:
    took_s = takes_s(lambda: not unreleased_of(dead), living)
    assert took_s <= within_s
    assert (row("going").status, row("deaf").status) == (Status.INTERRUPTED, Status.TIMED_OUT)
    assert "died" in row("going").reason
    alive = SchedulerProcess.objects.alive().values_list("pk", flat=True)
    assert dead.id not in alive
    assert living.id in alive


def test_the_runs_of_a_leader_that_died_are_interrupted_by_its_standby(
    start: Start, ttl_s: float, before_s: float
) -> None:
    leader = start("a")
    standby = start("b")
    assert leader.leads
    begin_two(leader)
    live_on_for(before_s, leader, standby)
    are_ended(leader, standby, within_s=2 * ttl_s)


def test_the_runs_of_a_leader_that_died_are_interrupted_by_one_that_starts_afterwards(
    start: Start, ttl_s: float, before_s: float
) -> None:
    leader = start("a")
    begin_two(leader)
    live_on_for(before_s, leader)
    are_ended(leader, start("b"), within_s=2 * ttl_s)


def test_the_runs_of_a_process_that_died_without_leading_are_interrupted_by_the_leader(
    start: Start, ttl_s: float, before_s: float
) -> None:
    former = start("a")
    begin_two(former)
    former.scheduler.membership.release()
    former.scheduler.membership.lease = None
    leader = start("b")
    assert leader.leads
    live_on_for(before_s, former, leader)
    assert unreleased_of(former) == 2, "it lives, and so do its runs"
    are_ended(former, leader, within_s=2 * ttl_s)


def test_the_runs_of_two_that_died_together_are_interrupted_by_the_third(
    start: Start, ttl_s: float, before_s: float
) -> None:
    former = start("a")
    begin_two(former)
    former.scheduler.membership.release()
    former.scheduler.membership.lease = None
    leader, standby = start("b"), start("c")
    assert leader.leads
    live_on_for(before_s, former, leader, standby)
    are_ended(former, standby, within_s=2 * ttl_s)
    assert standby.leads


def test_what_the_dead_leader_had_only_queued_is_run_by_the_standby_once(
    start: Start, ttl_s: float
) -> None:
    leader, standby = start("a"), start("b")
    made = make("waits", max_instances=9)
    live_on_for(0.01, leader, standby)
    queued = run(made)
    assert takes_s(lambda: bool(standby.handed_out), standby) <= 2 * ttl_s
    assert [handout.execution_id for handout in standby.handed_out] == [queued.pk]
    begun = standby.begins()
    assert begun is not None
    standby.ends(begun)
    live_on_for(ttl_s, standby)
    assert [found.status for found in rows("waits")] == [Status.SUCCEEDED]
    assert len(standby.handed_out) == 1
