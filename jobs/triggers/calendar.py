"""What a cron line means: sets of numbers, and the search for the next time in them."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobs.triggers.zones import SECOND, TICK, repeat_of, to_moment, to_wall, transition

FIRST_YEAR, LAST_YEAR = 1970, 2099
EPOCH = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
"""Nothing is due from here on."""
YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
EVERY_DAY = frozenset(range(1, 32))
EVERY_WEEKDAY = frozenset(range(7))
EVERY_WEEK = frozenset(range(1, 54))
LAST = -1
"""Stands for "last" where a position in the month is asked for."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """Days that match at least one of these rules; weekdays count from 0 = Monday."""

    numbers: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    positions: frozenset[tuple[int, int]] = frozenset()
    """(weekday, 1 to 5 or LAST) within the month."""
    last: bool = False
    last_working: bool = False
    """The last day of the month from Monday to Friday."""

    @property
    def all(self) -> bool:
        return self.numbers == EVERY_DAY or self.weekdays == EVERY_WEEKDAY

    def __contains__(self, day: date) -> bool:
        if day.day in self.numbers or day.weekday() in self.weekdays:
            return True
        if self.positions and (
            (day.weekday(), (day.day + 6) // 7) in self.positions
            or ((day.weekday(), LAST) in self.positions and _month_days(day) - day.day < 7)
        ):
            return True
        if self.last and day.day == _month_days(day):
            return True
        return self.last_working and day.day == _last_working_day(day)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Wall times that match every field; `month_days` and `week_days` by `either`'s rule.

    `fixed` says that neither the minute nor the hour field starts with a star: such a
    calendar goes by the wall clock, every other one by real time.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: Days
    months: frozenset[int]
    week_days: Days
    either: bool
    fixed: bool
    weeks: frozenset[int] = EVERY_WEEK
    years: Container[int] = YEARS

    def next_wall(self, wall: datetime) -> datetime | None:
        """The first matching wall time strictly after `wall`; None if 2099 has none left."""
        start = wall.replace(microsecond=0) + SECOND
        day: date | None = start.date()
        if self._has_day(start.date()) and (found := self._next_time(start.time())):
            return datetime.combine(start, found)
        day = self._next_day(start.date())
        if day is None:
            return None
        return datetime.combine(day, time(self.hours[0], self.minutes[0], self.seconds[0]))

    def _has_day(self, day: date) -> bool:
        if day.month not in self.months or day.year not in self.years:
            return False
        if not self._has_week(day):
            return False
        if self.either:
            return day in self.month_days or day in self.week_days
        return day in self.month_days and day in self.week_days

    def _has_week(self, day: date) -> bool:
        return self.weeks is EVERY_WEEK or day.isocalendar().week in self.weeks

    def _next_time(self, start: time) -> time | None:
        hours, minutes, seconds = self.hours, self.minutes, self.seconds
        hour = bisect_left(hours, start.hour)
        if hour == len(hours):
            return None
        if hours[hour] > start.hour:
            return time(hours[hour], minutes[0], seconds[0])
        minute = bisect_left(minutes, start.minute)
        if minute < len(minutes) and minutes[minute] == start.minute:
            second = bisect_left(seconds, start.second)
            if second < len(seconds):
                return time(hours[hour], minutes[minute], seconds[second])
            minute += 1
        if minute < len(minutes):
            return time(hours[hour], minutes[minute], seconds[0])
        if hour + 1 < len(hours):
            return time(hours[hour + 1], minutes[0], seconds[0])
        return None

    def _next_day(self, day: date) -> date | None:
        # Whole years, months and weeks are skipped: a day that never comes is soon given up.
        day += ONE_DAY
        while day.year <= LAST_YEAR:
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1)
            elif day.month not in self.months:
                day = (day.replace(day=28) + 4 * ONE_DAY).replace(day=1)
            elif not self._has_week(day):
                day += (7 - day.weekday()) * ONE_DAY
            elif self._has_day(day):
                return day
            else:
                day += ONE_DAY
        return None


@dataclass(frozen=True, slots=True)
class ZonedCalendar:
    """A calendar on the wall clock of a zone, with the rule for days when the clock changes.

    A fixed calendar fires once for what falls into a gap, at the first valid moment after
    it, and at the first of two equal wall times. Every other calendar fires whenever the
    wall shows a matching time: never in a gap, twice in a repeated hour.
    Source: cron(8) of Debian, "clock changes", and cronsim.
    """

    calendar: Calendar
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        local = moment.astimezone(self.zone)
        repeat = repeat_of(local)
        if self.calendar.fixed:
            return self._next_fixed(moment, local, repeat)
        if repeat and not local.fold:
            return self._next_before_or_in_repeat(moment, repeat)
        return self._next_real(moment, local.replace(tzinfo=None, fold=0))

    def _next_fixed(self, moment: datetime, local: datetime, repeat: timedelta) -> datetime | None:
        wall = local.replace(tzinfo=None, fold=0)
        if local.fold:
            # All of a repeated hour was due in its first pass.
            change = transition(self.zone, moment - repeat, moment)
            wall = to_wall(change, self.zone) + repeat - TICK
        while (found := self.calendar.next_wall(wall)) is not None:
            due = to_moment(found, self.zone)
            if due > moment:
                return due
            wall = found
        return None

    def _next_before_or_in_repeat(self, moment: datetime, repeat: timedelta) -> datetime | None:
        change = transition(self.zone, moment, moment + repeat)
        wall = to_wall(moment, self.zone)
        found = self.calendar.next_wall(wall)
        if found is not None and moment + (found - wall) < change:
            return moment + (found - wall)
        return self._next_real(change - TICK, to_wall(change, self.zone) - TICK)

    def _next_real(self, moment: datetime, wall: datetime) -> datetime | None:
        found = self.calendar.next_wall(wall)
        while found is not None:
            due = found.replace(tzinfo=self.zone).astimezone(UTC)
            if due <= moment:
                due = found.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
            if to_wall(due, self.zone) == found:
                return due
            gap_end = to_wall(to_moment(found, self.zone), self.zone)
            found = self.calendar.next_wall(gap_end - TICK)
        return None


def _month_days(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _last_working_day(day: date) -> int:
    last = day.replace(day=_month_days(day))
    return last.day - max(0, last.weekday() - 4)
