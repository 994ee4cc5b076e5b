"""The fields of a trigger: what is stored as texts to edit, and such texts as what is stored.

A field that was not touched gives back exactly what is stored. Of the panels (a cron expression,
separate cron fields, an interval, a date) one counts: that of `trigger_type` and `cron_style`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin import widgets
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.triggers import TriggerType
from jobs.triggers.fields import NAMES
from jobs.triggers.interval import UNITS, WINDOW
from jobs.triggers.spec import EXPRESSION
from jobs.triggers.zones import known_zones

RAW = "trigger_params"
"""The one field in place of all others: JSON, for what they cannot show."""

CRON = "cron_"
INTERVAL = "interval_"
DATE = "run_date"
MOMENTS = (DATE, "start_date", "end_date")
STYLE_EXPRESSION, STYLE_FIELDS = "expression", "fields"

SEVEN = ("second", "minute", "hour", "day", "month", "day_of_week", "year")
"""The cron fields that stand in a row; the week of the year is a rare eighth."""

PRESETS = (
    ("*/5 * * * *", gettext_lazy("Every 5 minutes")),
    ("0 * * * *", gettext_lazy("Hourly")),
    ("0 3 * * *", gettext_lazy("Daily")),
    ("0 8 * * mon-fri", gettext_lazy("Weekdays")),
    ("0 3 * * mon", gettext_lazy("Weekly")),
    ("0 3 1 * *", gettext_lazy("Monthly")),
)

NEW = {"trigger_type": TriggerType.CRON.value, "cron_style": STYLE_EXPRESSION}
FIRST_EXPRESSION = "0 3 * * *"

LABELS = {
    "second": gettext_lazy("Second"),
    "minute": gettext_lazy("Minute"),
    "hour": gettext_lazy("Hour"),
    "day": gettext_lazy("Day"),
    "month": gettext_lazy("Month"),
    "day_of_week": gettext_lazy("Weekday"),
    "year": gettext_lazy("Year"),
    "week": gettext_lazy("ISO week"),
    "weeks": gettext_lazy("Weeks"),
    "days": gettext_lazy("Days"),
    "hours": gettext_lazy("Hours"),
    "minutes": gettext_lazy("Minutes"),
    "seconds": gettext_lazy("Seconds"),
}
PANELS: dict[str, tuple[str, ...]] = {
    STYLE_EXPRESSION: (EXPRESSION,),
    STYLE_FIELDS: tuple(CRON + name for name in NAMES),
    TriggerType.INTERVAL.value: tuple(INTERVAL + unit for unit in UNITS),
    TriggerType.DATE.value: (DATE,),
}
NAMES_OF_PANELS = {
    STYLE_EXPRESSION: gettext_lazy("the cron expression"),
    STYLE_FIELDS: gettext_lazy("the separate cron fields"),
    TriggerType.INTERVAL.value: gettext_lazy("the interval"),
    TriggerType.DATE.value: gettext_lazy("the date"),
}
WALL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?")
"""What a browser's field of date and time can hold."""


class WallInput(forms.DateTimeInput):
    """Date and time as a browser asks for it; a text where it could not hold the value."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        fits = not value or WALL.fullmatch(str(value)) is not None
        context["widget"]["type"] = "datetime-local" if fits else "text"
        return context


@dataclass(frozen=True)
class Standing:
    """A stored trigger, and the texts of the fields that show it."""

    params: Mapping[str, Any]
    timezone: str
    texts: Mapping[str, str]


def standing(trigger_type: str, params: Any, timezone: str, zone: str) -> Standing | None:
    """The stored trigger as texts, on the clock of `zone`; None if the fields cannot show it."""
    if not isinstance(params, Mapping) or not params:
        return None
    style = STYLE_EXPRESSION if EXPRESSION in params else STYLE_FIELDS
    texts = {"trigger_type": trigger_type, "cron_style": style}
    names = {param_of(name): name for name in _counting(trigger_type, style)}
    for param, value in params.items():
        is_plain = isinstance(value, str | int) and not isinstance(value, bool)
        if param not in names or not is_plain or not str(value).strip():
            return None
        texts[names[param]] = str(value)
    for name in MOMENTS:
        if name in texts:
            wall = _wall(texts[name], zone)
            if wall is None:
                return None
            texts[name] = wall
    return Standing(params, timezone, texts)


def trigger_fields() -> dict[str, forms.Field]:
    """Fresh fields, by the names under which a form has them."""
    fields: dict[str, forms.Field] = {
        "cron_style": forms.ChoiceField(
            label=gettext_lazy("What counts"),
            required=False,
            widget=forms.RadioSelect,
            choices=[
                (STYLE_EXPRESSION, gettext_lazy("the expression")),
                (STYLE_FIELDS, gettext_lazy("the separate fields")),
            ],
        ),
        EXPRESSION: _text(gettext_lazy("Cron expression")),
    }
    for param in NAMES:
        fields[CRON + param] = _text(LABELS[param])
    for unit in UNITS:
        fields[INTERVAL + unit] = _text(LABELS[unit], inputmode="numeric")
    fields[DATE] = _moment(gettext_lazy("Date and time"))
    fields["start_date"] = _moment(gettext_lazy("Not before"))
    fields["end_date"] = _moment(gettext_lazy("Not after"))
    fields["jitter"] = _text(gettext_lazy("Spread"), inputmode="numeric")
    return fields


def collected(sent: Mapping[str, str], stands: Standing | None) -> dict[str, Any]:
    """The trigger parameters of the panel that counts."""
    params: dict[str, Any] = {}
    for name in _counting(sent["trigger_type"], sent.get("cron_style", "")):
        text, param = sent.get(name, "").strip(), param_of(name)
        if text and stands is not None and _is_untouched(name, text, sent["timezone"], stands):
            params[param] = stands.params[param]
        elif text:
            params[param] = text
    return params


def ignored(sent: Mapping[str, str], initial: Mapping[str, str]) -> list[str]:
    """Names of panels that were filled in and do not count."""
    counting = set(_counting(sent["trigger_type"], sent.get("cron_style", "")))
    return [
        str(NAMES_OF_PANELS[panel])
        for panel, names in PANELS.items()
        if not counting.issuperset(names)
        and any(sent.get(name, "").strip() not in ("", initial.get(name, "")) for name in names)
    ]


def field_of(param: str, trigger_type: str, style: str) -> str:
    """The name of the field at which an error of a parameter (or of them all: "") stands."""
    counting = list(_counting(trigger_type, style))
    return next((name for name in counting if param_of(name) == param), counting[0])


def param_of(name: str) -> str:
    """The parameter for which a field stands."""
    return name if name == EXPRESSION else name.removeprefix(CRON).removeprefix(INTERVAL)


def _counting(trigger_type: str, style: str) -> Iterator[str]:
    """Names of the fields that count, the most important first."""
    panel = (style or STYLE_EXPRESSION) if trigger_type == TriggerType.CRON else trigger_type
    yield from PANELS.get(panel, ())
    if trigger_type != TriggerType.DATE:
        yield from WINDOW


def _is_untouched(name: str, text: str, timezone: str, stands: Standing) -> bool:
    before = stands.texts.get(name)
    if before is None or param_of(name) not in stands.params:
        return False
    if name not in MOMENTS:
        return text == before
    # A browser may leave out the seconds; and a wall time means another moment elsewhere.
    return timezone == stands.timezone and _parsed(text) == _parsed(before)


def _wall(text: str, zone: str) -> str | None:
    """A stored moment on the wall clock of the zone."""
    moment = _parsed(text)
    if moment is None or zone not in known_zones():
        return None
    if moment.utcoffset() is None:
        return text
    try:
        return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat()
    except (OverflowError, ValueError):  # a year that a calendar has not
        return None


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _text(label: Any, **attrs: str) -> forms.CharField:
    given = {"autocomplete": "off", "spellcheck": "false", "class": "sc-short", **attrs}
    return forms.CharField(
        label=label, required=False, widget=widgets.AdminTextInputWidget(attrs=given)
    )


def _moment(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, widget=WallInput(attrs={"step": "1"}))


def refusal(panels: list[str]) -> str:
    """The sentence about panels that were filled in and do not count."""
    return _(
        "You have filled in %(panels)s, which does not count. Choose it here, or empty its fields."
    ) % {"panels": _(" and ").join(panels)}
