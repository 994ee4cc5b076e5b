"""One reading of trigger parameters, shared by building, cleaning and describing."""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from jobs.triggers.calendar import ZonedCalendar
from jobs.triggers.cron import read_expression
from jobs.triggers.date import Once, read_date
from jobs.triggers.fields import NAMES, read_fields, without_prefix
from jobs.triggers.interval import WINDOW, read_interval
from jobs.triggers.kinds import TriggerType
from jobs.triggers.values import (
    Problems,
    check_keys,
    iso,
    read_jitter,
    read_window,
    read_zone,
    shown,
)

EXPRESSION = "cron_expression"
MARSHAL_WITHOUT_REFERENCES = 2
"""The version in which equal values make equal bytes."""


@dataclass(frozen=True)
class Spec:
    """What valid parameters mean. Shared by all who ask: `params` is never handed out."""

    kind: TriggerType
    params: Mapping[str, object]
    """The canonical JSON form."""
    zone: ZoneInfo
    rule: ZonedCalendar | timedelta | Once
    start: datetime | None = None
    end: datetime | None = None
    jitter: int = 0
    words: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """By language: what `describe` has said of it before."""

    @cached_property
    def text(self) -> str:
        """For logs, such as `cron[{"hour": "3"}]`."""
        return f"{self.kind}[{json.dumps(self.params)}]"


def read_spec(trigger_type: object, params: object, timezone: object) -> Spec:
    """Raises InvalidTrigger with every problem that there is."""
    try:
        # The quickest text of plain values in Python, for it is asked at every run and row.
        values: Any = (trigger_type, params, timezone)
        key = marshal.dumps(values, MARSHAL_WITHOUT_REFERENCES)
    except ValueError:  # dates, and what is no data
        return _read_any(trigger_type, params, timezone)
    return _read_again(key)


@lru_cache(maxsize=10_000)
def _read_again(key: bytes) -> Spec:
    return _read_any(*marshal.loads(key))  # noqa: S302  written by this process


def _read_any(trigger_type: object, params: object, timezone: object) -> Spec:
    try:
        key = json.dumps([trigger_type, params, timezone], sort_keys=True, default=_date_text)
    except (TypeError, ValueError, RecursionError):
        # Not JSON: nothing to find it by later, and nearly always invalid.
        return _read(trigger_type, params, timezone)
    return _read_json(key)


@lru_cache(maxsize=10_000)
def _read_json(key: str) -> Spec:
    return _read(*json.loads(key))


def _date_text(value: object) -> str:
    """Dates as YAML yields them; str() of anything else might look like a valid value."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError


def _read(trigger_type: object, params: object, timezone: object) -> Spec:
    problems = Problems()
    kind = _read_kind(trigger_type, problems)
    zone = read_zone(timezone, problems)
    texts = _read_mapping(params, problems)
    spec = None
    if kind is not None and texts is not None:
        # Without a zone the rest is still looked through, in any zone.
        spec = READERS[kind](texts, zone or ZoneInfo("UTC"), problems)
    problems.raise_any()
    if spec is None:
        raise AssertionError("A reader gave nothing and named no problem.")
    return spec


def _read_kind(trigger_type: object, problems: Problems) -> TriggerType | None:
    if isinstance(trigger_type, str) and trigger_type in list(TriggerType):
        return TriggerType(trigger_type)
    names = ", ".join(TriggerType)
    if trigger_type is None:
        sentence = _("Choose a kind of trigger: %(names)s.") % {"names": names}
    else:
        sentence = _("“%(value)s” is not a kind of trigger; allowed are %(names)s.")
        sentence %= {"value": shown(trigger_type), "names": names}
    problems.add("trigger_type", sentence)
    return None


def _read_mapping(params: object, problems: Problems) -> dict[str, object] | None:
    if not isinstance(params, Mapping):
        sentence = _('Give the parameters as names and values, such as {"hour": 3}.')
    elif not all(isinstance(key, str) for key in params):
        sentence = _('The names of parameters are texts, such as {"hour": 3}.')
    else:
        return dict(params)
    problems.add("trigger_params", sentence)
    return None


def _read_cron(params: dict[str, object], zone: ZoneInfo, problems: Problems) -> Spec | None:
    params = without_prefix(params, problems)
    check_keys(params, [EXPRESSION, *NAMES, *WINDOW], problems)
    start, end = read_window(params, zone, problems)
    jitter = read_jitter(params, problems)
    fields = [name for name in NAMES if name in params]
    if EXPRESSION in params and fields:
        problems.add_param(
            EXPRESSION,
            _("Give either cron_expression or separate fields (%(names)s), not both.")
            % {"names": ", ".join(fields)},
        )
    if EXPRESSION not in params and not fields:
        problems.add(
            "trigger_params",
            _("Say when: give cron_expression, such as “0 3 * * *”, or at least one of %(names)s.")
            % {"names": ", ".join(NAMES)},
        )
        return None
    read = (read_expression if EXPRESSION in params else read_fields)(params, problems)
    if read is None:
        return None
    calendar, canonical = read
    canonical |= _window_params(zone, start, end, jitter)
    rule = ZonedCalendar(calendar, zone)
    return Spec(TriggerType.CRON, canonical, zone, rule, start, end, jitter)


def _read_interval(params: dict[str, object], zone: ZoneInfo, problems: Problems) -> Spec | None:
    start, end = read_window(params, zone, problems)
    jitter = read_jitter(params, problems)
    read = read_interval(params, problems)
    if read is None:
        return None
    step, canonical = read
    canonical |= _window_params(zone, start, end, jitter)
    return Spec(TriggerType.INTERVAL, canonical, zone, step, start, end, jitter)


def _read_date(params: dict[str, object], zone: ZoneInfo, problems: Problems) -> Spec | None:
    read = read_date(params, zone, problems)
    if read is None:
        return None
    once, canonical = read
    return Spec(TriggerType.DATE, canonical, zone, once)


def _window_params(
    zone: ZoneInfo, start: datetime | None, end: datetime | None, jitter: int
) -> dict[str, object]:
    params: dict[str, object] = {}
    if start is not None:
        params["start_date"] = iso(start, zone)
    if end is not None:
        params["end_date"] = iso(end, zone)
    if jitter:
        params["jitter"] = jitter
    return params


READERS = {
    TriggerType.CRON: _read_cron,
    TriggerType.INTERVAL: _read_interval,
    TriggerType.DATE: _read_date,
}
