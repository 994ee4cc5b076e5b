"""Fields of a form for the arguments of a task, one a parameter.

An empty field leaves its argument out, and one that was not touched gives back exactly what is
stored. What a typed field cannot show, such as an empty text, is shown as JSON. The name of a
field says how it is to be read: `arg-days` by its parameter's kind, `json-days` as JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.contrib.admin import widgets
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.json_text import JSONText, as_text, read_json
from jobs.admin.parameter import Kind, Parameter, parameters_of, takes_more
from jobs.registry import TaskSpec

TYPED = "arg-"
AS_JSON = "json-"
MORE = "arg_more"
"""The field of arguments that no parameter names."""

NOT_GIVEN: Any = object()
WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
UNTYPABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
"""What browsers change or leave out in a text."""


class ArgumentField(forms.Field):
    """`clean` gives the argument's value, or NOT_GIVEN."""

    def __init__(
        self, parameter: Parameter, stored: Any, *, as_json: bool, by_position: bool = False
    ) -> None:
        self.parameter = parameter
        self.stored = stored
        self.kind = Kind.JSON if as_json else parameter.kind
        super().__init__(
            label=parameter.name,
            required=False,
            initial=shown(self.kind, stored),
            help_text=_help(parameter, self.kind, by_position=by_position),
            widget=_widget(self.kind, parameter, stored),
        )
        self.is_marked_required = parameter.is_required and not by_position

    def clean(self, value: Any) -> Any:
        text = str(value or "").replace("\r\n", "\n")
        if self.stored is not NOT_GIVEN and text == self.initial:
            return self.stored
        if "\x00" in text:
            raise ValidationError(_("This holds a character that cannot be stored."))
        return read(self.kind, text) if text.strip() else NOT_GIVEN

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(str(data or "").replace("\r\n", "\n") != initial)


def argument_fields(
    task: TaskSpec, args: Any, kwargs: Any, *, sent: Collection[str] | None = None
) -> dict[str, forms.Field]:
    """The fields for these stored arguments; of a form that was `sent`, as it was shown."""
    kwargs = kwargs if isinstance(kwargs, Mapping) else {}
    positional = set(task.arguments.positional[: len(args) if isinstance(args, list) else 0])
    fields: dict[str, forms.Field] = {}
    parameters = parameters_of(task)
    for parameter in parameters:
        stored = kwargs.get(parameter.name, NOT_GIVEN)
        as_json = not _is_typable(parameter, stored)
        if sent is not None:
            as_json = AS_JSON + parameter.name in sent
        fields[(AS_JSON if as_json else TYPED) + parameter.name] = ArgumentField(
            parameter, stored, as_json=as_json, by_position=parameter.name in positional
        )
    names = {parameter.name for parameter in parameters}
    more = {name: value for name, value in kwargs.items() if name not in names}
    if takes_more(task) or more or (sent is not None and MORE in sent):
        fields[MORE] = JSONText(
            label=gettext_lazy("Further arguments"),
            required=False,
            initial=more or None,
            help_text=gettext_lazy("A JSON object of names and values."),
        )
    return fields


def collected(fields: Mapping[str, forms.Field], cleaned: Mapping[str, Any]) -> Any:
    """The named arguments of cleaned argument fields; `MORE` alone if it is no object."""
    more = cleaned.get(MORE)
    if more is not None and not isinstance(more, Mapping):
        return more
    return dict(more or {}) | {
        field.parameter.name: cleaned[name]
        for name, field in fields.items()
        if isinstance(field, ArgumentField) and cleaned.get(name, NOT_GIVEN) is not NOT_GIVEN
    }


def field_of(fields: Collection[str], argument: str) -> str | None:
    """The name of the field that stands for an argument."""
    wanted = (TYPED + argument, AS_JSON + argument, MORE)
    return next((name for name in wanted if name in fields), None)


def shown(kind: Kind, value: Any) -> str:
    """The text that stands for a stored value."""
    if value is NOT_GIVEN:
        return ""
    if kind in (Kind.TEXT, Kind.DATE) and isinstance(value, str):
        return value
    return as_text(value)


def read(kind: Kind, text: str) -> Any:
    """The value that a typed text stands for; raises ValidationError."""
    if kind is Kind.TEXT:
        return text
    text = text.strip()
    if kind is Kind.DATE:
        return text
    if kind is Kind.WHOLE:
        if not WHOLE.fullmatch(text):
            raise ValidationError(_("“%(value)s” is not a whole number.") % {"value": text[:60]})
        return int(text)
    if kind is Kind.NUMBER:
        return _number(text)
    if kind is Kind.TEXTS and not text.startswith("["):
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind in (Kind.SWITCH, Kind.CHOICE):
        return _choice(text)
    return read_json(text)


def _choice(text: str) -> Any:
    try:
        return read_json(text)
    except ValidationError:
        sentence = _("“%(value)s” is not among the choices.") % {"value": text[:60]}
        raise ValidationError(sentence) from None


def _number(text: str) -> int | float:
    if WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    raise ValidationError(_("“%(value)s” is not a number.") % {"value": text[:60]})


def _is_typable(parameter: Parameter, stored: Any) -> bool:
    """Whether the typed field shows the value, and gives it back when it is not touched."""
    if stored is NOT_GIVEN or parameter.kind is Kind.JSON:
        return True
    if parameter.kind in (Kind.TEXT, Kind.DATE):
        if not isinstance(stored, str) or not stored.strip() or UNTYPABLE.search(stored):
            return False
        return parameter.kind is Kind.TEXT or DATE.fullmatch(stored) is not None
    if parameter.kind is Kind.SWITCH:
        return isinstance(stored, bool)
    if parameter.kind is Kind.CHOICE:
        return as_text(stored) in [as_text(choice) for choice in parameter.choices]
    if parameter.kind in (Kind.WHOLE, Kind.NUMBER):
        return isinstance(stored, int | float) and not isinstance(stored, bool)
    return isinstance(stored, list)


def _widget(kind: Kind, parameter: Parameter, stored: Any) -> forms.Widget:
    attrs: dict[str, Any] = {"autocomplete": "off"}
    if parameter.has_default and kind not in (Kind.TEXTS, Kind.JSON):
        attrs["placeholder"] = parameter.default_text
    if kind is Kind.SWITCH:
        return forms.RadioSelect(attrs={"class": "sc-switch"}, choices=_switch(parameter))
    if kind is Kind.CHOICE:
        return forms.Select(choices=_options(parameter))
    if kind is Kind.DATE:
        return forms.DateInput(attrs={"type": "date"})
    if kind is Kind.WHOLE:
        return widgets.AdminTextInputWidget(attrs={**attrs, "inputmode": "numeric"})
    if kind is Kind.NUMBER:
        return widgets.AdminTextInputWidget(attrs={**attrs, "inputmode": "decimal"})
    if kind is Kind.TEXT and not (isinstance(stored, str) and "\n" in stored):
        return widgets.AdminTextInputWidget(attrs=attrs)
    lines = shown(kind, stored).count("\n") + 1
    rows = {"rows": min(max(lines, 1), 12), "spellcheck": "false", "class": "sc-json"}
    return widgets.AdminTextareaWidget(attrs={**attrs, **rows})


def _switch(parameter: Parameter) -> list[tuple[str, str]]:
    choices = [("true", _("yes")), ("false", _("no"))]
    return choices if parameter.is_required else [("", _default(parameter)), *choices]


def _options(parameter: Parameter) -> list[tuple[str, str]]:
    empty = "---------" if parameter.is_required else _default(parameter)
    values = [(as_text(value), _option(value)) for value in parameter.choices]
    return [("", empty), *values]


def _option(value: Any) -> str:
    if value is None:
        return _("none")
    return value if isinstance(value, str) else as_text(value)


def _default(parameter: Parameter) -> str:
    if not parameter.has_default:
        return _("default")
    return _("default: %(value)s") % {"value": parameter.default_text}


def _help(parameter: Parameter, kind: Kind, *, by_position: bool) -> str:
    parts = [parameter.about]
    if kind is Kind.JSON and parameter.kind is not Kind.JSON:
        parts.append(_("Shown as JSON, because of its present value."))
    if by_position:
        parts.append(_("It is given by position, below."))
    elif parameter.has_default and parameter.kind not in (Kind.SWITCH, Kind.CHOICE):
        parts.append(_("Default: %(value)s.") % {"value": parameter.default_text})
    return " ".join(parts)
