"""Whole calendar periods, over which sizes are aggregated. Pure: no clock, no ORM.

Days are those of the snapshots, weeks those of ISO 8601 (Monday to Sunday), quarters the three
months that begin in January, April, July and October. Both ends of a period belong to it.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from jobs.estate.models.aggregate import PeriodKind

DAY = timedelta(days=1)

MONTHS = {PeriodKind.MONTHLY: 1, PeriodKind.QUARTERLY: 3}
"""How many months a period of the kind has."""


@dataclass(frozen=True, slots=True)
class Period:
    kind: PeriodKind
    starts_on: date
    ends_on: date

    @property
    def length_days(self) -> int:
        return (self.ends_on - self.starts_on).days + 1

    def days(self) -> Iterator[date]:
        """Each of its days, in order."""
        return (self.starts_on + number * DAY for number in range(self.length_days))


def period_of(day: date, kind: PeriodKind) -> Period:
    """The one of that kind in which the day lies.

    Raises OverflowError for the week of 9999-12-31, with which the calendar breaks off.
    """
    if kind == PeriodKind.DAILY:
        return Period(kind, day, day)
    if kind == PeriodKind.WEEKLY:
        monday = day - day.weekday() * DAY
        return Period(kind, monday, monday + 6 * DAY)
    first = day.month - (day.month - 1) % MONTHS[kind]
    last = first + MONTHS[kind] - 1
    _weekday, length = monthrange(day.year, last)
    return Period(kind, date(day.year, first, 1), date(day.year, last, length))


def before(period: Period) -> Period:
    """The one that ends on the day before it. Raises OverflowError before the year 1."""
    return period_of(period.starts_on - DAY, period.kind)


def last_complete(kind: PeriodKind, today: date) -> Period:
    """The last one that was over when `today` began."""
    return before(period_of(today, kind))


def periods_within(kind: PeriodKind, since: date, until: date) -> list[Period]:
    """Those that lie in the range with all of their days, in order; none if none does."""
    found: list[Period] = []
    if since > until:
        return found
    period = period_of(until, kind)
    if period.ends_on > until:
        period = before(period)
    while period.starts_on >= since:
        found.append(period)
        period = before(period)
    return found[::-1]
