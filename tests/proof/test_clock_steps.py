"""The clock that jobs are due by is set while a scheduler waits: what became due is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper
from django_apscheduler.models import DjangoJob

from jobs.executions.database import database_now
from jobs.executions.fencing import leading
from jobs.executions.liveness import Sighting, look
from jobs.models import Source, Status
from jobs.runtime import scheduler as scheduler_module
from tests.factories import make_execution
from tests.proof.loop import Loop
from tests.proof.rows import make

HALF_AN_HOUR, AN_HOUR = timedelta(minutes=30), timedelta(hours=1)


class Steps:
    """How far the clock is ahead, as the loop's statements read it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)

        def looked(cursor: CursorWrapper, limit_s: float) -> Sighting:
            seen = look(cursor, limit_s)
            return replace(seen, now=seen.now + self.ahead)

        @contextmanager
        def led(lease: Any, limit_s: float) -> Iterator[tuple[CursorWrapper, datetime]]:
            with leading(lease, limit_s) as (cursor, now):
                yield cursor, now + self.ahead

        monkeypatch.setattr(scheduler_module, "look", looked)
        monkeypatch.setattr(scheduler_module, "leading", led)
        monkeypatch.setattr(scheduler_module, "database_now", lambda: database_now() + self.ahead)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def looks(leader: Loop) -> None:
    """It comes round to its next look, which tells the time of the database."""
    leader.scheduler._next_look = 0.0


def notices(leader: Loop) -> None:
    """It compares this host's own clocks, as in every step."""
    leader.scheduler._jumps._offset -= AN_HOUR.total_seconds()


@pytest.fixture
def waiting(leader: Loop) -> Loop:
    """It leads, and sleeps until the one job that there is."""
    make(misfire_grace_time=0)
    DjangoJob.objects.update(next_run_time=database_now() + HALF_AN_HOUR)
    for _step in range(2):
        leader.step()
    return leader


def goes_on(leader: Loop) -> list[tuple[str | None, int]]:
    """One step in which it looks at nothing that it has no reason to look at; what was due."""
    leader.scheduler._process_jobs()
    assert leader.scheduler.faults.current == ""
    return [(handout.job_id, handout.attempt) for handout in leader.handed_out]


@pytest.mark.parametrize("hears", [looks, notices])
def test_a_job_that_is_due_by_a_clock_that_was_set_is_run_at_the_next_look(
    waiting: Loop, clock: Steps, hears: Callable[[Loop], None]
) -> None:
    hears(waiting)
    assert goes_on(waiting) == []
    clock.ahead = AN_HOUR
    assert goes_on(waiting) == [], "nothing has told it"
    hears(waiting)
    assert goes_on(waiting) == [("job", 1)]


@pytest.mark.parametrize("hears", [looks, notices])
def test_a_retry_that_is_due_by_a_clock_that_was_set_is_run_at_the_next_look(
    leader: Loop, clock: Steps, hears: Callable[[Loop], None]
) -> None:
    make()
    make_execution(
        "job",
        status=Status.QUEUED,
        finished_at=None,
        released_at=None,
        source=Source.RETRY,
        attempt=2,
        function="work",
        start_after=database_now() + HALF_AN_HOUR,
    )
    for _step in range(2):
        leader.step()
    clock.ahead = AN_HOUR
    assert goes_on(leader) == [], "nothing has told it"
    hears(leader)
    assert goes_on(leader) == [("job", 2)]


def test_a_clock_that_is_set_back_makes_nothing_due(waiting: Loop, clock: Steps) -> None:
    clock.ahead = -AN_HOUR
    looks(waiting)
    assert goes_on(waiting) == []
    due_at = waiting.scheduler._agenda.due_at
    assert due_at is not None
    wait_s = due_at - waiting.scheduler.clock._base[1]
    assert wait_s > AN_HOUR.total_seconds(), "it sleeps as long as the clock says now"
