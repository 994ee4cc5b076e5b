"""Lines of crontab(5), with seconds and years where they are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from functools import partial

from cronsim import CronSim, CronSimError
from cronsim.cronsim import RANGES, Field, SpecItem
from django.utils.translation import gettext as _

from jobs.triggers.calendar import FIRST_YEAR, LAST, LAST_YEAR, YEARS, Calendar, Days
from jobs.triggers.values import Problems, read_text

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
YEAR_TERM = re.compile(r"(?:\*|(?P<first>\d{4})(?:-(?P<last>\d{4}))?)(?:/(?P<step>\d{1,3}))?")
STEP = re.compile(r"/(\d+)")
UNTIL_SUNDAY = re.compile(r"(?<!SUN)-SUN\b")

Refuse = Callable[[str], None]


def read_expression(
    params: Mapping[str, object], problems: Problems
) -> tuple[Calendar, dict[str, object]] | None:
    """The calendar of `cron_expression`, and its canonical parameter.

    5 fields, 6 with leading seconds, 7 with a trailing year too, or a nickname such as
    @daily. Source: crontab(5); `L`, `LW`, `5L` and `5#2` are cronsim's.
    """
    text = read_text(params, "cron_expression", problems)
    if text is None:
        return None
    text = " ".join(text.split())
    refuse = partial(problems.add_param, "cron_expression")
    parts = _split(text, refuse)
    calendar = None if parts is None else _calendar(parts, refuse)
    return None if calendar is None else (calendar, {"cron_expression": text})


def _split(text: str, refuse: Refuse) -> list[str] | None:
    """Seven fields: second, minute, hour, day, month, weekday, year."""
    if text.lower() == "@reboot":
        refuse(_("“@reboot” is no time; jobs are due by the clock. Try @daily."))
        return None
    if text.startswith("@") and text.lower() not in NICKNAMES:
        refuse(
            _("“%(value)s” is not known; allowed are %(names)s.")
            % {"value": text, "names": ", ".join(NICKNAMES)}
        )
        return None
    parts = NICKNAMES.get(text.lower(), text).upper().split()
    if len(parts) not in (5, 6, 7):
        refuse(
            _(
                "“%(value)s” has %(count)s fields; give 5 (minute hour day month weekday), "
                "6 with leading seconds, or 7 with a trailing year as well."
            )
            % {"value": text, "count": len(parts)}
        )
        return None
    if len(parts) == 5:
        parts.insert(0, "0")
    if len(parts) == 6:
        parts.append("*")
    for place in (Field.DAY, Field.DOW):
        parts[place] = "*" if parts[place] == "?" else parts[place]
    return parts


def _calendar(parts: list[str], refuse: Refuse) -> Calendar | None:
    values = [_values(field, parts[field], refuse) for field in Field]
    years = _years(parts[-1], refuse)
    if years is None or None in values:
        return None
    seconds, minutes, hours, days, months, weekdays = (value or set() for value in values)
    return Calendar(
        seconds=tuple(sorted(_numbers(seconds))),
        minutes=tuple(sorted(_numbers(minutes))),
        hours=tuple(sorted(_numbers(hours))),
        month_days=Days(
            numbers=_numbers(days) - {CronSim.LAST, CronSim.LAST_WEEKDAY},
            last=CronSim.LAST in days,
            last_working=CronSim.LAST_WEEKDAY in days,
        ),
        months=_numbers(months),
        week_days=Days(
            weekdays=frozenset(_from_monday(day) for day in _numbers(weekdays)),
            positions=frozenset(
                (_from_monday(item[0]), LAST if item[1] == CronSim.LAST else item[1])
                for item in weekdays
                if isinstance(item, tuple)
            ),
        ),
        # As Debian's cron does it: a field that starts with a star only narrows the other.
        either=not (parts[Field.DAY].startswith("*") or parts[Field.DOW].startswith("*")),
        fixed=not (parts[Field.MINUTE].startswith("*") or parts[Field.HOUR].startswith("*")),
        years=years,
    )


def _values(field: Field, part: str, refuse: Refuse) -> set[SpecItem] | None:
    allowed = RANGES[field]
    try:
        # Sunday may end a range, though by number it comes first.
        values = field.parse(UNTIL_SUNDAY.sub("-7", part) if field == Field.DOW else part)
    except CronSimError:
        sentence = _(
            "The %(field)s “%(value)s” is not valid; allowed are %(first)s to %(last)s, *, "
            "lists (1,5), ranges from low to high (1-5) and steps (*/5)."
        )
    else:
        # cron(8) would take */90 as 0, which nobody means who writes it.
        if all(int(step) < len(allowed) for step in STEP.findall(part)):
            return values
        sentence = _(
            "The step in the %(field)s “%(value)s” is too large; the values are "
            "%(first)s to %(last)s."
        )
    names = (_("second"), _("minute"), _("hour"), _("day of month"), _("month"), _("weekday"))
    bounds = {"first": allowed[0], "last": allowed[-1]}
    refuse(sentence % {"field": names[field], "value": part, **bounds})
    return None


def _years(part: str, refuse: Refuse) -> Container[int] | None:
    years: set[int] = set()
    for term in part.split(","):
        match = YEAR_TERM.fullmatch(term)
        first = int(match["first"] or FIRST_YEAR) if match else 0
        step = int(match["step"] or 1) if match else 0
        last = first
        if match and (match["last"] or match["step"] or not match["first"]):
            last = int(match["last"] or LAST_YEAR)
        if not (FIRST_YEAR <= first <= last <= LAST_YEAR) or step == 0:
            refuse(
                _(
                    "The year “%(value)s” is not valid; allowed are %(first)s to %(last)s, *, "
                    "lists, ranges from low to high and steps."
                )
                % {"value": part, "first": FIRST_YEAR, "last": LAST_YEAR}
            )
            return None
        years.update(range(first, last + 1, step))
    return YEARS if len(years) == len(YEARS) else frozenset(years)


def _numbers(values: set[SpecItem]) -> frozenset[int]:
    return frozenset(value for value in values if isinstance(value, int))


def _from_monday(day: int) -> int:
    """cron's weekday (0 or 7 is Sunday) as Python's (0 is Monday)."""
    return (day - 1) % 7
