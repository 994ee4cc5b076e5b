"""Wall clocks and real time. A wall time is a naive datetime; a moment is aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


@cache
def known_zones() -> frozenset[str]:
    """Names of the zones that this host knows; read once, as it walks a directory tree."""
    return frozenset(available_timezones())


def to_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first valid moment at or after `wall`; of a repeated wall time, the first of the two.

    Source: PEP 495 for what `fold` means in a gap and in a repeated hour.
    """
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if to_wall(moment, zone) == wall:
        return moment
    before_gap = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return transition(zone, before_gap, moment)


def to_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def transition(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The moment in (before, after] at which the zone's offset becomes that of `after`.

    There must be exactly one change of the clock between the two.
    """
    start = before.replace(microsecond=0)
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, -((start - after) // SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if (start + middle * SECOND).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return start + high * SECOND


def repeat_of(local: datetime) -> timedelta:
    """How long the clock is set back over this aware local time; zero if it is not repeated."""
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return (first or timedelta()) - (second or timedelta())
