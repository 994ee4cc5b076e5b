"""The periods of a range-partitioned table, worked out from its bounds and counted on by calendar.

Steps of so many days would skip February from 31 January; these are whole days, weeks, months,
quarters and years on the wall clock of a zone, or steps of numbers. Pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TypeVar, cast

from jobs.estate.adapters.partitions import Bound, PartitionedTable
from jobs.estate.models.policy import Interval
from jobs.estate.services.partition_ranges import Period, bounded, is_zoned, to_wall

L = TypeVar("L")

DAYS = {Interval.DAY: 1, Interval.WEEK: 7}
MONTHS = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}

RECENT = 3
"""So many of the newest partitions decide: older ones may go by a rule that holds no longer."""

CALENDAR_START = datetime(2001, 1, 1)  # noqa: DTZ001  a wall time
"""A Monday and the first of a year, so that every calendar's periods can be counted from it."""

FIRST_YEAR, LAST_YEAR = 2, 9998
"""Years beyond stand for "for ever", as in 9999-12-31, and would overflow in some zones."""


class Periods(ABC):
    """Periods without end, numbered, each beginning where the one before ends."""

    interval: Interval
    step: int | None
    zone: tzinfo | None
    """On whose clock moments are counted; None where bounds carry no zone."""

    @abstractmethod
    def index_of(self, bound: Bound) -> int:
        """The number of the period that holds it."""

    @abstractmethod
    def start(self, index: int) -> Bound | None:
        """Where a period begins; None before the year 2 and after 9998."""

    def between(self, first: int, last: int) -> Iterator[Period]:
        """The periods of these numbers, both included, as far as the calendar goes."""
        for index in range(first, last + 1):
            lower, upper = self.start(index), self.start(index + 1)
            if lower is not None and upper is not None:
                yield Period(lower, upper)


@dataclass(frozen=True, slots=True)
class NumberPeriods(Periods):
    """`step` numbers each; one of them begins at `origin`."""

    origin: int
    step: int
    interval = Interval.NUMBER
    zone = None

    def index_of(self, bound: Bound) -> int:
        return (cast(int, bound) - self.origin) // self.step

    def start(self, index: int) -> Bound | None:
        return self.origin + index * self.step


@dataclass(frozen=True, slots=True)
class CalendarPeriods(Periods):
    """One of them begins at `origin`, a wall time. Months begin on `month_day`, or on their last
    day if they are shorter. Bounds are days, or moments: in `zone`, or without any for None.
    """

    interval: Interval
    origin: datetime = CALENDAR_START
    month_day: int = 1
    is_day: bool = False
    zone: tzinfo | None = None
    step = None

    def index_of(self, bound: Bound) -> int:
        wall = to_wall(bound, self.zone)
        if self.interval in DAYS:
            return (wall - self.origin) // timedelta(days=DAYS[self.interval])
        index = _months(self.origin, wall) // MONTHS[self.interval]
        return index if self._monthly(index) <= wall else index - 1

    def start(self, index: int) -> Bound | None:
        try:
            wall = self._daily(index) if self.interval in DAYS else self._monthly(index)
        except (OverflowError, ValueError):
            return None
        if not FIRST_YEAR <= wall.year <= LAST_YEAR:
            return None
        if self.is_day:
            return wall.date()
        return wall if self.zone is None else wall.replace(tzinfo=self.zone).astimezone(UTC)

    def _daily(self, index: int) -> datetime:
        return self.origin + timedelta(days=index * DAYS[self.interval])

    def _monthly(self, index: int) -> datetime:
        months = self.origin.year * 12 + self.origin.month - 1 + index * MONTHS[self.interval]
        year, month = months // 12, months % 12 + 1
        return self.origin.replace(
            year=year, month=month, day=_clamped(self.month_day, year, month)
        )


def periods_of(table: PartitionedTable, zones: Sequence[tzinfo] = (UTC,)) -> Periods | None:
    """The periods that two of the three newest partitions follow; None if they follow none.

    Moments with a zone are read on the clock of that of `zones` on which most of them are
    midnights, the first among equals.
    """
    ranges = [period for _name, period in countable(table)]
    if table.kind == "integer":
        return _numbers(ranges[-RECENT:])
    if not is_zoned(table):
        return _calendar(ranges[-RECENT:], None)
    zone = max(zones, key=lambda zone: sum(_is_midnight(each.lower, zone) for each in ranges))
    return _calendar(ranges[-RECENT:], zone)


def countable(table: PartitionedTable) -> list[tuple[str, Period]]:
    """Names and ranges of its partitions that have both ends, the lowest first."""
    return [
        (part.name, Period(part.lower, part.upper))
        for part in bounded(table)
        if part.lower is not None and part.upper is not None
        if _is_in_calendar(part.lower) and _is_in_calendar(part.upper)
    ]


def _numbers(recent: Sequence[Period]) -> NumberPeriods | None:
    ends = [(cast(int, period.lower), cast(int, period.upper)) for period in recent]
    step = _usual([upper - lower for lower, upper in ends])
    if step is None:
        return None
    return NumberPeriods(max(lower for lower, upper in ends if upper - lower == step), step)


def _calendar(recent: Sequence[Period], zone: tzinfo | None) -> CalendarPeriods | None:
    walls = [(to_wall(period.lower, zone), to_wall(period.upper, zone)) for period in recent]
    interval = _usual([_length(*pair) for pair in walls])
    if interval is None:
        return None
    alike = [pair for pair in walls if _length(*pair) == interval]
    return CalendarPeriods(
        interval=interval,
        origin=alike[-1][0],
        month_day=max(wall.day for pair in alike for wall in pair),
        is_day=not isinstance(recent[0].lower, datetime),
        zone=zone,
    )


def _usual(lengths: Sequence[L]) -> L | None:
    """The length of two or more, or of the only one; None if there is none."""
    if not lengths:
        return None
    [(length, count)] = Counter(lengths).most_common(1)
    return length if count > 1 or len(lengths) == 1 else None


def _length(lower: datetime, upper: datetime) -> Interval | None:
    if lower.time() != upper.time():
        return None
    days, months = (upper - lower).days, _months(lower, upper)
    for interval, count in DAYS.items():
        if days == count:
            return interval
    for interval, count in MONTHS.items():
        if months == count and _is_same_day(lower, upper):
            return interval
    return None


def _is_same_day(lower: datetime, upper: datetime) -> bool:
    """Of the month; the last one stands in where a month is shorter."""
    meant = max(lower.day, upper.day)
    return all(wall.day == _clamped(meant, wall.year, wall.month) for wall in (lower, upper))


def _is_in_calendar(bound: Bound) -> bool:
    return isinstance(bound, int) or FIRST_YEAR <= bound.year <= LAST_YEAR


def _is_midnight(bound: Bound, zone: tzinfo) -> bool:
    return to_wall(bound, zone).time() == time()


def _months(start: datetime, end: datetime) -> int:
    return (end.year - start.year) * 12 + end.month - start.month


def _clamped(day: int, year: int, month: int) -> int:
    return min(day, monthrange(year, month)[1])
