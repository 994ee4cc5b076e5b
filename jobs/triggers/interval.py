from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from jobs.triggers.calendar import END, EPOCH
from jobs.triggers.values import Problems, check_keys, read_whole

UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
"""Seconds in each."""
WINDOW = ("start_date", "end_date", "jitter")
LONGEST_DAYS = 36_525


@dataclass(frozen=True, slots=True)
class Interval:
    """Occurrences at origin + k * step, from k = `first` on, counted in real time."""

    step: timedelta
    origin: datetime = EPOCH
    first: int = 1

    def next_after(self, moment: datetime) -> datetime | None:
        if self.origin >= END:
            return None
        count = max(self.first, (moment - self.origin) // self.step + 1)
        return self.origin + count * self.step


def read_interval(
    params: Mapping[str, object], problems: Problems
) -> tuple[timedelta, dict[str, object]] | None:
    """The step, and its canonical parameters: whole numbers, those that are not zero."""
    check_keys(params, [*UNITS, *WINDOW], problems)
    given = [unit for unit in UNITS if unit in params]
    if not given:
        problems.add(
            "trigger_params",
            _("Say how often: give at least one of %(units)s.") % {"units": ", ".join(UNITS)},
        )
        return None
    numbers = {unit: read_whole(params, unit, problems) for unit in given}
    if None in numbers.values():
        return None
    parts: dict[str, object] = {unit: number for unit, number in numbers.items() if number}
    seconds = sum(UNITS[unit] * (number or 0) for unit, number in numbers.items())
    if seconds == 0:
        sentence = _("The interval is zero; give at least one of %(units)s a number above 0.")
        problems.add_param(given[0], sentence % {"units": ", ".join(UNITS)})
        return None
    if seconds > LONGEST_DAYS * UNITS["days"]:
        largest = max(given, key=lambda unit: UNITS[unit] * (numbers[unit] or 0))
        problems.add_param(
            largest,
            _("“%(value)s” %(unit)s are larger than can be scheduled; give at most 100 years.")
            % {"value": numbers[largest], "unit": largest},
        )
        return None
    return timedelta(seconds=seconds), parts
