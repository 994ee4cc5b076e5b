"""Reading what people and programs send: numbers, moments, zones, and what is wrong with them.

A reader returns None after it has noted a problem.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from jobs.errors import InvalidTrigger
from jobs.triggers.calendar import FIRST_YEAR
from jobs.triggers.zones import known_zones, to_moment

LENGTH_LIMIT = 200
NUMBER_LIMIT = 10**15
JITTER_LIMIT = 7 * 24 * 3600
DIGITS = re.compile(rf"[0-9]{{1,{LENGTH_LIMIT}}}")


class Problems:
    """Sentences by dotted field name, so that every mistake is reported at once."""

    def __init__(self) -> None:
        self._found: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, field: str, sentence: str) -> None:
        self._found[field].append(sentence)

    def add_param(self, name: str, sentence: str) -> None:
        self.add(f"trigger_params.{name}", sentence)

    def raise_any(self) -> None:
        """Raises InvalidTrigger if there are any."""
        if self._found:
            raise InvalidTrigger(self._found)


def shown(value: object) -> str:
    """A short, harmless form of any value, for a sentence."""
    if value is None:
        return _("nothing")
    if isinstance(value, str):
        text = value if value.isprintable() else ascii(value)[1:-1]
    elif isinstance(value, int | float | date):
        try:
            text = str(value)
        except ValueError:  # Python writes no integer of more than some thousand digits
            return _("a very large number")
    else:
        return _("a value of type %(type)s") % {"type": type(value).__name__}
    return text if len(text) <= 60 else text[:57] + "…"


def read_text(params: Mapping[str, object], name: str, problems: Problems) -> str | None:
    """A short ASCII text; whole numbers are taken as their digits."""
    value = params[name]
    if isinstance(value, float) and value.is_integer() and abs(value) < NUMBER_LIMIT:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < NUMBER_LIMIT:
        return str(value)
    if not isinstance(value, str):
        sentence = _("“%(value)s” is neither text nor a whole number.")
    elif not value.strip():
        sentence = _("The value is empty; leave %(name)s out, or give it a value.")
    elif len(value) > LENGTH_LIMIT:
        sentence = _("“%(value)s” is longer than %(limit)s characters.")
    elif not value.isascii():
        sentence = _("“%(value)s” holds characters other than plain letters, digits and signs.")
    else:
        return value.strip()
    problems.add_param(
        name, sentence % {"value": shown(value), "name": name, "limit": LENGTH_LIMIT}
    )
    return None


def read_whole(params: Mapping[str, object], name: str, problems: Problems) -> int | None:
    """A whole number from 0 on, as a number or as its digits."""
    value = params[name]
    if isinstance(value, str) and DIGITS.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < NUMBER_LIMIT:
            return value
        sentence = (
            _("“%(value)s” is negative; give a whole number from 0 on.")
            if value < 0
            else _("“%(value)s” is larger than can be scheduled.")
        )
    else:
        sentence = _("“%(value)s” is not a whole number; give one from 0 on, such as 5.")
    problems.add_param(name, sentence % {"value": shown(value)})
    return None


def read_jitter(params: Mapping[str, object], problems: Problems) -> int:
    """Whole seconds; 0 when there is none."""
    if "jitter" not in params:
        return 0
    jitter = read_whole(params, "jitter", problems) or 0
    if jitter > JITTER_LIMIT:
        problems.add_param(
            "jitter",
            _("“%(value)s” seconds are more than a week; give at most %(limit)s.")
            % {"value": jitter, "limit": JITTER_LIMIT},
        )
    return jitter


def read_moment(
    params: Mapping[str, object], name: str, zone: ZoneInfo, problems: Problems
) -> datetime | None:
    """A moment in UTC from an ISO 8601 text, a datetime or a date; without an offset in `zone`."""
    value = params[name]
    try:
        read = _read_datetime(value)
    except ValueError:
        sentence = _("“%(value)s” is not a date; write it as 2026-12-31 or 2026-12-31T03:00:00.")
        problems.add_param(name, sentence % {"value": shown(value)})
        return None
    try:
        moment = to_moment(read, zone) if read.utcoffset() is None else read.astimezone(UTC)
        # Its wall time must exist too, as it is what is stored and shown.
        in_range = moment.astimezone(zone).year >= FIRST_YEAR
    except (OverflowError, ValueError):
        in_range = False
    if in_range:
        return moment
    sentence = _("“%(value)s” cannot be scheduled; give a date between %(first)s and 9999.")
    problems.add_param(name, sentence % {"value": shown(value), "first": FIRST_YEAR})
    return None


def read_window(
    params: Mapping[str, object], zone: ZoneInfo, problems: Problems
) -> tuple[datetime | None, datetime | None]:
    """`start_date` and `end_date`, each if it is there."""
    start, end = (
        read_moment(params, name, zone, problems) if name in params else None
        for name in ("start_date", "end_date")
    )
    if start is not None and end is not None and end < start:
        problems.add_param(
            "end_date",
            _("“%(end)s” lies before the start date “%(start)s”.")
            % {"end": shown(params["end_date"]), "start": shown(params["start_date"])},
        )
    return start, end


def read_zone(timezone: object, problems: Problems) -> ZoneInfo | None:
    """The zone of that name, from the names that this host knows."""
    if isinstance(timezone, str) and timezone in known_zones():
        return ZoneInfo(timezone)
    sentence = _("“%(value)s” is not a time zone; give a name such as Europe/Berlin.")
    if isinstance(timezone, str) and len(timezone) <= LENGTH_LIMIT:
        by_lower = {name.lower(): name for name in known_zones()}
        if close := get_close_matches(timezone.strip().lower(), by_lower, n=1):
            sentence = _("“%(value)s” is not a time zone; did you mean %(close)s?")
            problems.add("timezone", sentence % {"value": timezone, "close": by_lower[close[0]]})
            return None
    problems.add("timezone", sentence % {"value": shown(timezone)})
    return None


def check_keys(params: Mapping[str, object], allowed: Iterable[str], problems: Problems) -> None:
    """Notes every key that is not among `allowed`."""
    names = list(allowed)
    for key in params:
        if key not in names:
            problems.add_param(
                shown(key),
                _("There is no parameter “%(key)s” here; allowed are %(names)s.")
                % {"key": shown(key), "names": ", ".join(names)},
            )


def iso(moment: datetime, zone: ZoneInfo) -> str:
    """The canonical text of a moment: ISO 8601 in the job's zone, with its offset."""
    return moment.astimezone(zone).isoformat()


def _read_datetime(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str) and len(value) <= LENGTH_LIMIT and value.isascii():
        return datetime.fromisoformat(value.strip())
    raise ValueError
