"""How fast something grows, and when it will have reached its limit. Pure: no clock, no ORM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import linear_regression

from django.utils.translation import gettext as _

from jobs.errors import SchedulerError

DAY = timedelta(days=1)

HORIZON_DAYS = 36_525
"""A hundred years: a day beyond it is no forecast."""

Sizes = Sequence[tuple[datetime, int]]
"""(taken_at in UTC, size_bytes), oldest first."""


class UnorderedSizes(SchedulerError):
    code = "unordered_sizes"

    def __init__(self, earlier: datetime, later: datetime) -> None:
        super().__init__(
            _(
                "Sizes must stand in the order in which they were taken, one a moment: "
                "%(later)s follows %(earlier)s."
            )
            % {"earlier": earlier.isoformat(), "later": later.isoformat()}
        )


def growth(sizes: Sizes) -> float | None:
    """Bytes a day from (taken_at in UTC, size_bytes) pairs, oldest first.

    Least-squares slope; None below two points. Raises UnorderedSizes.
    """
    _require_order(sizes)
    if len(sizes) < 2:
        return None
    # From the first point, so that what is fitted is small beside a float's 53 bits.
    first_at, first_bytes = sizes[0]
    days = [(taken_at - first_at) / DAY for taken_at, _size in sizes]
    grown = [size_bytes - first_bytes for _taken_at, size_bytes in sizes]
    return linear_regression(days, grown).slope


def reaches(limit_bytes: int, sizes: Sizes) -> date | None:
    """The day (UTC) on which the size reaches the limit, if it goes on from its last point as
    `growth` says.

    Already at the limit or above it: the day of the last point. None when it does not grow,
    when fewer than two points tell whether it does, or when it takes longer than HORIZON_DAYS.
    Raises UnorderedSizes.
    """
    slope = growth(sizes)
    if not sizes:
        return None
    last_at, last_bytes = sizes[-1]
    missing_bytes = limit_bytes - last_bytes
    if missing_bytes <= 0:
        return last_at.date()
    if slope is None or slope <= 0 or missing_bytes > slope * HORIZON_DAYS:
        return None
    return (last_at + timedelta(days=missing_bytes / slope)).date()


def _require_order(sizes: Sizes) -> None:
    for (earlier, _size), (later, _next_size) in pairwise(sizes):
        if later <= earlier:
            raise UnorderedSizes(earlier, later)
