"""Ticks of a time axis: at round times of the clock on the wall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from django.utils.formats import date_format

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = (
    *(MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * n for n in (1, 2, 7, 14)),
)
MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class Tick:
    share: float
    """Along the axis, from 0.0 to 1.0."""
    label: str
    is_day: bool = False
    """The first moment of a day, which the label names."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """From `start` to `end`, both aware, `start` before `end`."""

    start: datetime
    end: datetime

    def share(self, moment: datetime) -> float:
        """Where a moment stands, from 0.0 to 1.0; what is outside, at that end."""
        return min(max((moment - self.start) / (self.end - self.start), 0.0), 1.0)

    def ticks(self, zone: tzinfo, most: int = MOST_TICKS) -> list[Tick]:
        """At most `most` of them. A time that a clock change leaves out has none, one that it
        repeats has one, at the first of the two."""
        step = next((step for step in STEPS if self.end - self.start <= step * most), None)
        step = step or DAY * -(-(self.end - self.start) // (DAY * most))
        return [
            Tick(self.share(moment), _label(wall, step), wall.time() == datetime.min.time())
            for wall, moment in _round_times(self.start, self.end, step, zone)
        ]


def _round_times(
    start: datetime, end: datetime, step: timedelta, zone: tzinfo
) -> Iterator[tuple[datetime, datetime]]:
    wall = _rounded(start.astimezone(zone).replace(tzinfo=None), step)
    while True:
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment > end:
            return
        exists = moment.astimezone(zone).replace(tzinfo=None) == wall
        if moment >= start and exists:
            yield wall, moment
        wall += step


def _rounded(wall: datetime, step: timedelta) -> datetime:
    # Whole weeks from a Monday.
    origin = datetime(1999, 1, 4)  # noqa: DTZ001  a clock on the wall has no zone
    return origin + (wall - origin) // step * step


def _label(wall: datetime, step: timedelta) -> str:
    if step >= DAY or wall.time() == datetime.min.time():
        return day_label(wall.date())
    return f"{wall:%H:%M}"


def day_label(day: date) -> str:
    """ "4 Mar"."""
    return date_format(day, "j M")


def labels_of(moments: Sequence[datetime], zone: tzinfo) -> list[str]:
    """Of moments in order, the words that tell them apart: the time within two days, the day
    within ten months, else the month."""
    walls = [moment.astimezone(zone) for moment in moments]
    if not walls:
        return []
    whole = walls[-1] - walls[0]
    if whole <= 2 * DAY:
        return [f"{wall:%H:%M}" for wall in walls]
    return [day_label(wall.date()) if whole < 300 * DAY else f"{wall:%Y-%m}" for wall in walls]
