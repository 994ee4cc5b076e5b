"""Aggregates are worked out in the database and written: at once, or on SQLite in slices."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from jobs.estate.services import aggregate_sql as sql
from jobs.estate.services.periods import Period, before

SLICE = 10_000
"""Rows that one statement writes on SQLite, where writers exclude each other."""

PAUSE_S = 0.1
"""Between slices: as long as SQLite's busy handler sleeps at most, so that everybody who waits
to write gets a turn."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which rows are wanted: of whom, over which successive periods of one kind, for the
    instances of which session; and the time (UTC) that they are to bear."""

    owner: sql.Owner
    periods: Sequence[Period]
    session_id: int
    now: datetime


def write_rows(assignment: Assignment, look: Callable[[], None]) -> Counter[int]:
    """Write the aggregates that the snapshots give; returns how many, by instance id.

    One statement on PostgreSQL. On SQLite, where whoever writes keeps everybody else from
    writing, one that works them out and locks nothing, and then one for each SLICE of them;
    `look` is called before each slice, and what it raises leaves the rest unwritten.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return _write_at_once(cursor, assignment)
        return _write_in_slices(cursor, assignment, look)


def _write_at_once(cursor: CursorWrapper, assignment: Assignment) -> Counter[int]:
    work_out = sql.work_out(assignment.owner, sql.POSTGRESQL)
    write = sql.write(assignment.owner, "worked_out")
    days = [list(column) for column in zip(*_days(assignment.periods), strict=True)]
    statement = sql.WRITE_AT_ONCE.format(work_out=work_out, write=write)
    cursor.execute(statement, _parameters(assignment, days))
    return Counter(dict(cursor.fetchall()))


def _write_in_slices(
    cursor: CursorWrapper, assignment: Assignment, look: Callable[[], None]
) -> Counter[int]:
    work_out = sql.work_out(assignment.owner, sql.SQLITE)
    write = sql.write(assignment.owner, sql.SLICED)
    days = json.dumps(list(_days(assignment.periods)), default=date.isoformat)
    cursor.execute(sql.UNSTAGE)  # what a run that was stopped left behind
    cursor.execute(sql.STAGE.format(work_out=work_out), _parameters(assignment, [days]))
    cursor.execute(sql.COUNT)
    (total,) = cursor.fetchone()
    written: Counter[int] = Counter()
    for first in range(1, total + 1, SLICE):
        if first > 1:
            time.sleep(PAUSE_S)
        look()
        cursor.execute(write, [first, first + SLICE - 1])
        written.update(instance_id for (instance_id,) in cursor.fetchall())
    cursor.execute(sql.UNSTAGE)
    return written


def _parameters(assignment: Assignment, calendar: Sequence[Any]) -> list[Any]:
    """In the order of WORK_OUT."""
    adapt = connection.ops.adapt_datefield_value
    earlier = before(assignment.periods[0])
    return [
        *calendar,
        adapt(earlier.starts_on),
        adapt(earlier.ends_on),
        assignment.session_id,
        _packed(earlier),
        earlier.kind,
        connection.ops.adapt_datetimefield_value(assignment.now),
        _packed(earlier),
    ]


def _days(periods: Sequence[Period]) -> Iterator[tuple[date, int, int]]:
    """Day, period, place in it."""
    for period in periods:
        packed = _packed(period)
        for place, day in enumerate(period.days()):
            yield day, packed, place


def _packed(period: Period) -> int:
    starts = (period.starts_on - sql.EPOCH).days
    return starts << 16 | period.length_days << 8 | before(period).length_days
