from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from jobs.errors import InvalidTrigger
from jobs.triggers.calendar import EVERY_WEEK, LAST, YEARS, Calendar, Days
from jobs.triggers.date import Once
from jobs.triggers.interval import UNITS
from jobs.triggers.spec import Spec, read_spec
from jobs.triggers.zones import to_wall

CLOCK_TIMES_LIMIT = 6


def describe(trigger_type: str, params: Mapping[str, object], timezone: str) -> str:
    """When it is due, in words and the job's own zone: "Every day at 03:00".

    Never raises: of parameters that are not valid it says what is wrong.
    """
    return describer()(trigger_type, params, timezone)


def describer() -> Callable[[str, Mapping[str, object], str], str]:
    """`describe` for many, in the language of now: to ask for it took longer than the words."""
    language = get_language() or ""

    def described(trigger_type: str, params: Mapping[str, object], timezone: str) -> str:
        try:
            spec = read_spec(trigger_type, params, timezone)
        except InvalidTrigger as invalid:
            return _("Not a valid trigger. %(problems)s") % {"problems": invalid.message}
        if language not in spec.words:
            spec.words[language] = _words(spec)
        return spec.words[language]

    return described


def _words(spec: Spec) -> str:
    if isinstance(spec.rule, Once):
        words = _("once on %(moment)s") % {"moment": _moment(spec.rule.moment, spec)}
    elif isinstance(spec.rule, timedelta):
        words = _interval(spec.params)
    else:
        words = _calendar(spec.rule.calendar)
    if spec.start is not None:
        words += _(", from %(moment)s") % {"moment": _moment(spec.start, spec)}
    if spec.end is not None:
        words += _(", until %(moment)s") % {"moment": _moment(spec.end, spec)}
    if spec.jitter:
        words += _(", delayed by up to %(jitter)s s") % {"jitter": spec.jitter}
    return str(capfirst(words))


def _moment(moment: datetime, spec: Spec) -> str:
    wall = to_wall(moment, spec.zone)
    return f"{wall:%Y-%m-%d %H:%M:%S}" if wall.second else f"{wall:%Y-%m-%d %H:%M}"


def _interval(params: Mapping[str, object]) -> str:
    numbers = {unit: number for unit in UNITS if isinstance(number := params.get(unit), int)}
    if list(numbers.values()) == [1]:
        return _every(next(iter(numbers)), 1)
    parts = [_counted(unit, number) for unit, number in numbers.items()]
    return _("every %(time)s") % {"time": " ".join(parts)}


def _every(unit: str, number: int) -> str:
    if number > 1:
        return _("every %(time)s") % {"time": _counted(unit, number)}
    return {
        "weeks": _("every week"),
        "days": _("every day"),
        "hours": _("every hour"),
        "minutes": _("every minute"),
        "seconds": _("every second"),
    }[unit]


def _counted(unit: str, number: int) -> str:
    forms = {
        "weeks": ngettext("%(n)s week", "%(n)s weeks", number),
        "days": ngettext("%(n)s day", "%(n)s days", number),
        "hours": ngettext("%(n)s hour", "%(n)s hours", number),
        "minutes": ngettext("%(n)s minute", "%(n)s minutes", number),
        "seconds": ngettext("%(n)s second", "%(n)s seconds", number),
    }
    return forms[unit] % {"n": number}


def _calendar(calendar: Calendar) -> str:
    day, clock_times = _day(calendar), _clock_times(calendar)
    if clock_times is not None:
        at = _("%(day)s at %(times)s") % {"day": day or _("every day"), "times": clock_times}
        return ", ".join([at, *_period(calendar)])
    return ", ".join([*_rhythm(calendar), *([day] if day else []), *_period(calendar)])


def _clock_times(calendar: Calendar) -> str | None:
    """All of them, where they are few: 03:00 and 15:00."""
    hours, minutes, seconds = calendar.hours, calendar.minutes, calendar.seconds
    if len(hours) * len(minutes) * len(seconds) > CLOCK_TIMES_LIMIT:
        return None
    return _listed(
        [
            f"{hour:02}:{minute:02}" + ("" if seconds == (0,) else f":{second:02}")
            for hour in hours
            for minute in minutes
            for second in seconds
        ]
    )


def _rhythm(calendar: Calendar) -> list[str]:
    """How often; at which of the finer units; within which of the coarser ones."""
    hours, minutes, seconds = calendar.hours, calendar.minutes, calendar.seconds
    minutes_said, hours_said = len(minutes) == 60, len(hours) == 24
    every = []
    if step := _step(seconds, 60):
        every.append(_every("seconds", step))
    elif step := _step(minutes, 60):
        every.append(_every("minutes", step))
        minutes_said = True
    elif step := _step(hours, 24):
        every.append(_every("hours", step))
        minutes_said, hours_said = minutes == (0,), True
    elif len(hours) >= 3 and _is_run(hours):
        every.append(_every("hours", 1))
        minutes_said = minutes == (0,)
    if seconds != (0,) and _step(seconds, 60) is None:
        every.append(_("at second %(list)s") % {"list": _sequence(seconds)})
    if not minutes_said:
        every.append(_("at minute %(list)s") % {"list": _sequence(minutes)})
    words = [" ".join(every)]
    if not hours_said and _is_run(hours):
        first, last = f"{hours[0]:02}:{minutes[0]:02}", f"{hours[-1]:02}:{minutes[-1]:02}"
        words.append(_("from %(first)s to %(last)s") % {"first": first, "last": last})
    elif not hours_said:
        words.append(_("in the hours %(list)s") % {"list": _sequence(hours)})
    return words


def _day(calendar: Calendar) -> str | None:
    """On which days, if not on all."""
    by_month, by_week = calendar.month_days, calendar.week_days
    if (by_month.all and by_week.all) or (calendar.either and (by_month.all or by_week.all)):
        return None
    if by_week.all:
        return _listed(_which(by_month))
    if by_month.all:
        return _listed(_which(by_week))
    words = {"days": _listed(_which(by_month)), "weekdays": _listed(_which(by_week))}
    if calendar.either:
        return _("%(days)s or %(weekdays)s") % words
    return _("%(days)s, but only %(weekdays)s") % words


def _which(days: Days) -> list[str]:
    words = []
    if days.numbers:
        form = ngettext(
            "on day %(list)s of the month", "on days %(list)s of the month", len(days.numbers)
        )
        words.append(form % {"list": _sequence(tuple(sorted(days.numbers)))})
    weekdays = sorted(days.weekdays)
    if len(weekdays) >= 3 and _is_run(weekdays):
        names = {"first": WEEKDAYS[weekdays[0]], "last": WEEKDAYS[weekdays[-1]]}
        words.append(_("%(first)s to %(last)s") % names)
    elif weekdays:
        names = {"list": _listed([str(WEEKDAYS[weekday]) for weekday in weekdays])}
        words.append(_("every %(list)s") % names)
    words.extend(_position(weekday, place) for weekday, place in sorted(days.positions))
    if days.last:
        words.append(_("on the last day of the month"))
    if days.last_working:
        words.append(_("on the last day of the month from Monday to Friday"))
    return words


def _position(weekday: int, place: int) -> str:
    forms = {
        1: _("on the first %(weekday)s of the month"),
        2: _("on the second %(weekday)s of the month"),
        3: _("on the third %(weekday)s of the month"),
        4: _("on the fourth %(weekday)s of the month"),
        5: _("on the fifth %(weekday)s of the month"),
        LAST: _("on the last %(weekday)s of the month"),
    }
    return forms[place] % {"weekday": WEEKDAYS[weekday]}


def _period(calendar: Calendar) -> list[str]:
    words = []
    if calendar.weeks is not EVERY_WEEK:
        words.append(_("in ISO week %(list)s") % {"list": _sequence(sorted(calendar.weeks))})
    if len(calendar.months) < 12:
        names = [str(MONTHS[month]) for month in sorted(calendar.months)]
        words.append(_("in %(months)s") % {"months": _listed(names)})
    years = [year for year in YEARS if year in calendar.years]
    if len(years) < len(YEARS):
        words.append(_("in %(years)s") % {"years": _sequence(years)})
    return words


def _step(values: Sequence[int], size: int) -> int | None:
    """n, if the values are every n-th of `size`, evenly."""
    step = size // len(values)
    even = len(values) > 1 and size % step == 0 and list(values) == list(range(0, size, step))
    return step if even else None


def _is_run(values: Sequence[int]) -> bool:
    return bool(values) and values[-1] - values[0] == len(values) - 1


def _sequence(values: Sequence[int]) -> str:
    first, last = values[0], values[-1]
    if len(values) >= 3 and _is_run(values):
        return _("%(first)s to %(last)s") % {"first": first, "last": last}
    if len(values) >= 4 and len({b - a for a, b in pairwise(values)}) == 1:
        return f"{first}, {values[1]} … {last}"
    return _listed([str(value) for value in values])


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return _("%(some)s and %(last)s") % {"some": ", ".join(words[:-1]), "last": words[-1]}
