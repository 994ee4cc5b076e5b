"""A moment as a person types it: an ISO date and time, a time of today, or so long ago."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from jobs.triggers.values import shown
from jobs.triggers.zones import SECOND, TICK, to_moment

MINUTE = timedelta(minutes=1)
UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
SPAN = re.compile(r"(?:(in)\s+)?([0-9]{1,6})\s*(s|min|m|h|d|w)(?:\s+(ago))?")
TIME_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
LONGEST = 40
FIRST_YEAR, LAST_YEAR = 1900, 9998
"""So that there is a moment before and after it, in every zone."""
PAST, FUTURE = -1, 1


@dataclass(frozen=True, slots=True)
class Told:
    """The moment (aware UTC), whether it came without a zone, and how exactly it was said: an
    occurrence from `moment` on, and within `precision`, is meant."""

    moment: datetime
    is_naive: bool
    precision: timedelta


def read_told(text: str, *, now: datetime, zone: ZoneInfo, direction: int = PAST) -> Told:
    """The moment that `text` means; one without an offset is in `zone`.

    Where the clock is set forward over it, it is the first valid moment after it, and of two
    the first: as a trigger takes its wall times. A bare "2h" lies in `direction`. Raises
    ValueError with a sentence.
    """
    text = text.strip()
    try:
        told = _told(text, now, zone, direction)
        if not FIRST_YEAR <= told.moment.year <= LAST_YEAR:
            raise ValueError
        return told
    except (ValueError, OverflowError):
        sentence = _(
            "“%(value)s” is not a moment. Write it as 2026-12-31T03:00 (in the zone %(zone)s), "
            "2026-12-31T03:00:00Z, 03:00 (today), “2h ago” or “in 2h”."
        )
        raise ValueError(sentence % {"value": shown(text), "zone": zone.key}) from None


def _told(text: str, now: datetime, zone: ZoneInfo, direction: int) -> Told:
    if text.lower() == "now":
        return Told(now, False, SECOND)
    if match := SPAN.fullmatch(text.lower()):
        return _away(now, match, direction)
    if TIME_OF_DAY.fullmatch(text):
        return _today(text, now, zone)
    return _iso(text, zone)


def _away(now: datetime, match: re.Match[str], direction: int) -> Told:
    ahead, number, unit, ago = match.groups()
    if ahead and ago:
        raise ValueError
    sign = FUTURE if ahead else PAST if ago else direction
    moment = now + sign * int(number) * UNITS_S[unit] * SECOND
    if unit == "s":
        return Told(moment.replace(microsecond=0), False, SECOND)
    return Told(moment.replace(second=0, microsecond=0), False, MINUTE)


def _today(text: str, now: datetime, zone: ZoneInfo) -> Told:
    parts = [int(part) for part in text.split(":")]
    time_of_day = time(parts[0], parts[1], parts[2] if len(parts) > 2 else 0)
    wall = datetime.combine(now.astimezone(zone).date(), time_of_day)
    return Told(to_moment(wall, zone), True, SECOND if len(parts) > 2 else MINUTE)


def _iso(text: str, zone: ZoneInfo) -> Told:
    if len(text) > LONGEST:
        raise ValueError
    found = datetime.fromisoformat(text)
    is_naive = found.tzinfo is None
    moment = to_moment(found, zone) if is_naive else found.astimezone(UTC)
    if found.microsecond:
        return Told(moment, is_naive, TICK)
    has_seconds = re.search(r"[T ]\d{2}:?\d{2}:?\d{2}", text) is not None
    return Told(moment, is_naive, SECOND if has_seconds else MINUTE)
