"""This host's wall clock is set while a scheduler runs: by an hour, forward and back.

On SQLite it is the clock that jobs are due by; on PostgreSQL it counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import connection
from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.executions import stretches
from jobs.executions.database import database_now
from jobs.models import Job, JobExecution, SchedulerLease, Source, Status
from jobs.registry import scheduled_task
from jobs.runtime.clock import JumpDetector
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR
from tests.proof.rows import make
from tests.runtime.conftest import _quick, gate, start_scheduler  # noqa: F401  fixtures
from tests.runtime.runs import run
from tests.waiting import until

StartScheduler = Callable[..., SchedcoreScheduler]
HOUR_S = 3600
EVERY_SECOND = {"seconds": 1}
POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture
def host() -> Iterator[time_machine.Traveller]:
    """The host's wall clock, which goes on from where it is set to; `monotonic` knows nothing."""
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an hour of seconds is accounted for one by one."""
    monkeypatch.setattr(stretches, "MAX_OCCURRENCES", 10_000)


def scheduled() -> Any:
    return JobExecution.objects.filter(job_id="job", source=Source.SCHEDULE)


def runs(number: int) -> None:
    """Wait for so many more runs of the schedule."""
    before = scheduled().filter(status=Status.SUCCEEDED).count()
    until(lambda: scheduled().filter(status=Status.SUCCEEDED).count() >= before + number)


def halt() -> None:
    """No more occurrences; wait for what has begun."""
    control.disable("job", actor=ACTOR)
    until(lambda: not JobExecution.objects.unfinished().exists())


def accounted() -> list[datetime]:
    """Every occurrence that a row stands for, in order; none stands in two."""
    found: list[datetime] = []
    for row in scheduled().order_by("scheduled_for"):
        first = row.first_scheduled_for or row.scheduled_for
        assert not row.is_count_capped
        moments = [first + timedelta(seconds=n) for n in range(row.occurrence_count)]
        assert moments[-1] == row.scheduled_for
        found += moments
    assert found == sorted(found)
    assert len(found) == len(set(found))
    return found


def assert_none_is_missing() -> None:
    gaps = {after - before for before, after in pairwise(accounted())}
    assert gaps == {timedelta(seconds=1)}


def test_set_forward_no_occurrence_is_lost_and_none_runs_twice(
    start_scheduler: StartScheduler,  # noqa: F811
    host: time_machine.Traveller,
) -> None:
    """What the clock has jumped over is missed, or within the grace; and it goes on at once."""
    start_scheduler()
    make(trigger_params=EVERY_SECOND)
    runs(2)
    epoch = SchedulerLease.objects.get().epoch
    host.shift(HOUR_S)
    runs(3)
    halt()
    assert_none_is_missing()
    missed = scheduled().filter(status=Status.MISSED)
    if POSTGRESQL:
        assert not missed.exists()
        assert len(accounted()) < 60
    else:
        (row,) = missed
        grace = timedelta(seconds=300)
        (coalesced,) = scheduled().filter(occurrence_count__gt=60).exclude(pk=row.pk)
        assert timedelta(0) < coalesced.scheduled_for - coalesced.first_scheduled_for <= grace
        assert row.occurrence_count + coalesced.occurrence_count >= HOUR_S - 5
    assert SchedulerLease.objects.get().epoch == epoch, "who leads does not go by the wall clock"


def test_set_back_no_occurrence_runs_twice_and_none_is_lost(
    start_scheduler: StartScheduler,  # noqa: F811
    host: time_machine.Traveller,
) -> None:
    """On SQLite the hour that comes again has run already, so nothing is due until it is over."""
    scheduler = start_scheduler()
    made = make(trigger_params=EVERY_SECOND)
    runs(2)
    epoch = SchedulerLease.objects.get().epoch
    host.shift(-HOUR_S)
    if POSTGRESQL:
        runs(3)
    else:
        before = accounted()[-1]
        assert_a_manual_run_works(made)
        assert DjangoJob.objects.get(pk="job").next_run_time == accounted()[-1] + timedelta(
            seconds=1
        )
        assert accounted()[-1] <= before + timedelta(seconds=1)
        assert scheduler.faults.current == ""
        host.shift(HOUR_S)  # as its time server does
        runs(3)
    halt()
    assert_none_is_missing()
    assert not scheduled().exclude(status=Status.SUCCEEDED).exclude(status=Status.SKIPPED).exists()
    assert SchedulerLease.objects.get().epoch == epoch


def assert_a_manual_run_works(made: Job) -> None:
    def succeeded() -> bool:
        until(lambda: not JobExecution.objects.unreleased().exists())
        asked = run(made)
        until(lambda: JobExecution.objects.get(pk=asked.pk).is_finished)
        return JobExecution.objects.get(pk=asked.pk).status == Status.SUCCEEDED

    until(succeeded)


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_run_is_as_long_as_it_was_whatever_the_clock_does_meanwhile(
    start_scheduler: StartScheduler,  # noqa: F811
    host: time_machine.Traveller,
    gate: Any,  # noqa: F811
    jump_s: int,
) -> None:
    """Pain 9."""

    @scheduled_task
    def waits() -> None:
        gate.wait(30)

    start_scheduler()
    asked = run(make(function="waits"))
    until(lambda: JobExecution.objects.get(pk=asked.pk).status == Status.RUNNING)
    host.shift(jump_s)
    gate.set()
    until(lambda: JobExecution.objects.get(pk=asked.pk).is_finished)
    row = JobExecution.objects.get(pk=asked.pk)
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.duration_s is not None
    assert 0 <= row.duration_s < 60
    lasted = row.finished_at - row.started_at
    assert abs(lasted.total_seconds() - row.duration_s) < 0.001


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_jump_is_told_once(host: time_machine.Traveller, jump_s: int) -> None:
    jumps = JumpDetector()
    assert not jumps.has_jumped()
    host.shift(jump_s)
    assert jumps.has_jumped()
    assert not jumps.has_jumped()


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite is on the host whose clock it is")
@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S])
def test_what_a_host_changes_whose_clock_is_an_hour_off_runs_as_if_it_were_right(
    start_scheduler: StartScheduler,  # noqa: F811
    host: time_machine.Traveller,
    off_s: int,
) -> None:
    """As a web server beside the scheduler's host: the database's clock counts for both."""
    start_scheduler()
    host.shift(off_s)
    make(trigger_params=EVERY_SECOND)
    runs(2)
    control.pause("job", actor=ACTOR)
    resumed_at = database_now()
    control.resume("job", actor=ACTOR)
    runs(2)
    halt()
    since = scheduled().filter(queued_at__gte=resumed_at)
    assert not since.filter(scheduled_for__lt=resumed_at).exists()
    assert not scheduled().exclude(status=Status.SUCCEEDED).exclude(status=Status.SKIPPED).exists()


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite is on the host whose clock it is")
@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S])
def test_a_pause_for_a_while_ends_by_the_databases_clock(
    transactional_db: None, host: time_machine.Traveller, off_s: int
) -> None:
    make(trigger_params=EVERY_SECOND)
    host.shift(off_s)
    ends = database_now() + timedelta(minutes=10)
    control.pause("job", actor=ACTOR, until=ends)
    upcoming = DjangoJob.objects.get(pk="job").next_run_time
    assert upcoming is not None
    assert ends < upcoming <= ends + timedelta(seconds=1)
