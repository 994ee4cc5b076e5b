"""APScheduler's separate cron fields, read by APScheduler's own code."""

from __future__ import annotations

import re
from collections.abc import Mapping

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.cron.expressions import (
    LastDayOfMonthExpression,
    RangeExpression,
    WeekdayPositionExpression,
)
from apscheduler.triggers.cron.fields import MAX_VALUES, MIN_VALUES, BaseField
from django.utils.translation import gettext as _

from jobs.triggers.calendar import EVERY_WEEK, LAST, LAST_YEAR, YEARS, Calendar, Days
from jobs.triggers.values import Problems, read_text

NAMES = ("second", "minute", "hour", "day", "day_of_week", "month", "week", "year")
PREFIX = "cron_"
NUMBER_TERM = r"\*(/\d{1,4})?|\d{1,4}(-\d{1,4})?(/\d{1,4})?"
NAME_TERM = r"[a-z]{3}(-[a-z]{3})?"
POSITION_TERM = r"(1st|2nd|3rd|4th|5th|last) +[a-z]{3}|last"
# APScheduler's own patterns match beginnings only: it takes "monday" and "mon 5" for "mon".
TERMS = {name: re.compile(NUMBER_TERM) for name in NAMES} | {
    "month": re.compile(f"{NUMBER_TERM}|{NAME_TERM}"),
    "day_of_week": re.compile(f"{NUMBER_TERM}|{NAME_TERM}"),
    "day": re.compile(f"{NUMBER_TERM}|{POSITION_TERM}"),
}


def without_prefix(params: Mapping[str, object], problems: Problems) -> dict[str, object]:
    """The same parameters with `cron_minute` as `minute`; both of them are a problem."""
    bare: dict[str, object] = {}
    for key, value in params.items():
        name = key.removeprefix(PREFIX) if key.removeprefix(PREFIX) in NAMES else key
        if name in bare:
            problems.add_param(
                name,
                _("Given twice, as %(name)s and as %(prefixed)s; keep one of them.")
                % {"name": name, "prefixed": PREFIX + name},
            )
        bare[name] = value
    return bare


def read_fields(
    params: Mapping[str, object], problems: Problems
) -> tuple[Calendar, dict[str, object]] | None:
    """The calendar of those of `NAMES` that are there, and their canonical parameters.

    Source: APScheduler's CronTrigger, where 0 is Monday and fields that are left out are
    their lowest value below the lowest field given, and any value above it.
    """
    texts = {name: _read_field(params, name, problems) for name in NAMES if name in params}
    if None in texts.values():
        return None
    fields: dict[str, BaseField] = {
        field.name: field for field in CronTrigger(timezone="UTC", **texts).fields
    }
    values = {name: _values(field) for name, field in fields.items()}
    years = values["year"]
    calendar = Calendar(
        seconds=tuple(sorted(values["second"])),
        minutes=tuple(sorted(values["minute"])),
        hours=tuple(sorted(values["hour"])),
        month_days=_month_days(fields["day"]),
        months=values["month"],
        week_days=Days(weekdays=values["day_of_week"]),
        either=False,
        fixed=not any(str(fields[name]).startswith("*") for name in ("minute", "hour")),
        weeks=EVERY_WEEK if values["week"] == EVERY_WEEK else values["week"],
        years=YEARS if len(years) == len(YEARS) else years,
    )
    return calendar, dict(texts)


def _read_field(params: Mapping[str, object], name: str, problems: Problems) -> str | None:
    text = read_text(params, name, problems)
    if text is None:
        return None
    if text == "?" and name in ("day", "day_of_week"):
        text = "*"
    if all(TERMS[name].fullmatch(term) for term in re.split(" *, *", text.lower())):
        try:
            field = CronTrigger.FIELDS_MAP[name](name, text)
        except ValueError:
            pass
        else:
            # APScheduler itself would count on to the year 9999.
            if name != "year" or _values(field) <= frozenset(YEARS):
                return text
    first, last = limits(name)
    problems.add_param(name, _complaint(name) % {"value": text, "first": first, "last": last})
    return None


def _complaint(name: str) -> str:
    if name == "day_of_week":
        return _(
            "“%(value)s” is not valid; name the weekdays: mon, tue, wed, thu, fri, sat, sun, "
            "mon-fri (as numbers, 0 is Monday and 6 is Sunday)."
        )
    return _(
        "“%(value)s” is not valid; allowed are %(first)s to %(last)s, *, lists (1,5), ranges "
        "from low to high (1-5) and steps within the range (*/5)."
    )


def limits(name: str) -> tuple[int, int]:
    """The least and the greatest number of a field."""
    return MIN_VALUES[name], LAST_YEAR if name == "year" else MAX_VALUES[name]


def _values(field: BaseField) -> frozenset[int]:
    """The numbers that a field allows, without APScheduler's positions of days in a month."""
    low, high = limits(field.name)
    numbers: set[int] = set()
    for term in field.expressions:
        if isinstance(term, RangeExpression):
            last = high if term.last is None else term.last
            numbers.update(range(term.first, last + 1, term.step or 1))
        elif not isinstance(term, WeekdayPositionExpression | LastDayOfMonthExpression):
            numbers.update(range(low, high + 1, term.step or 1))
    return frozenset(numbers)


def _month_days(field: BaseField) -> Days:
    positions = [term for term in field.expressions if isinstance(term, WeekdayPositionExpression)]
    return Days(
        numbers=_values(field),
        # APScheduler counts the position from 0, and 5 is "last".
        positions=frozenset(
            (term.weekday, LAST if term.option_num == 5 else term.option_num + 1)
            for term in positions
        ),
        last=any(isinstance(term, LastDayOfMonthExpression) for term in field.expressions),
    )
