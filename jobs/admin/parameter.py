"""The parameters of a task as a form asks for them: their kind, default and limits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.registry import TaskSpec


class Kind(StrEnum):
    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    DATE = "date"
    TEXTS = "texts"
    JSON = "json"


KIND_WORDS: dict[str, Any] = {
    Kind.TEXT: gettext_lazy("Text"),
    Kind.WHOLE: gettext_lazy("Whole number"),
    Kind.NUMBER: gettext_lazy("Number"),
    Kind.DATE: gettext_lazy("Date"),
    Kind.TEXTS: gettext_lazy("One text a line, or a JSON list"),
    Kind.JSON: gettext_lazy("JSON"),
}
FORMAT_WORDS = {
    "date-time": gettext_lazy("Date and time, as in 2030-01-31T03:00:00"),
    "time": gettext_lazy("Time of day, as in 03:00:00"),
    "duration": gettext_lazy("Duration, as in PT1H30M"),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a task; `default` is JSON where there is one that JSON can express."""

    name: str
    kind: Kind
    is_required: bool
    has_default: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    about: str = ""

    @property
    def default_text(self) -> str:
        """The default for people: a text as it is, else JSON."""
        if self.default is None:
            return _("none")
        if isinstance(self.default, bool):
            return _("yes") if self.default else _("no")
        if isinstance(self.default, str):
            return self.default or _("an empty text")
        return json.dumps(self.default, ensure_ascii=False)


def parameters_of(task: TaskSpec) -> list[Parameter]:
    """What the task takes by name, in the order of its signature."""
    schema = task.arguments.schema
    required = schema.get("required", [])
    return [
        _parameter(name, described, schema, is_required=name in required)
        for name, described in schema.get("properties", {}).items()
    ]


def takes_more(task: TaskSpec) -> bool:
    """Whether the task takes arguments of any name."""
    return task.arguments.schema.get("additionalProperties") is not False


def _parameter(
    name: str, described: Mapping[str, Any], schema: Mapping[str, Any], *, is_required: bool
) -> Parameter:
    forms = [form for form in _forms(described, schema) if form.get("type") != "null"]
    is_nullable = len(forms) < len(list(_forms(described, schema)))
    form = forms[0] if len(forms) == 1 else {}
    choices = tuple(form.get("enum", [form["const"]] if "const" in form else ()))
    kind = Kind.CHOICE if choices else _kind(form)
    if is_required and is_nullable and kind not in (Kind.SWITCH, Kind.CHOICE):
        kind = Kind.JSON  # elsewhere an empty field leaves the parameter out
    if kind is Kind.CHOICE and is_nullable:
        choices = (*choices, None)
    return Parameter(
        name=name,
        kind=kind,
        is_required=is_required,
        has_default="default" in described,
        default=described.get("default"),
        choices=choices,
        about=" ".join(_about(kind, described, form)),
    )


def _forms(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each form that a value may have, references followed."""
    if "anyOf" in described:
        for form in described["anyOf"]:
            yield from _forms(form, schema)
    elif "$ref" in described:
        target: Mapping[str, Any] = schema
        for part in str(described["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield target
    else:
        yield described


def _kind(form: Mapping[str, Any]) -> Kind:
    if form.get("type") == "array":
        return Kind.TEXTS if form.get("items") == {"type": "string"} else Kind.JSON
    if form.get("type") == "string":
        return Kind.DATE if form.get("format") == "date" else Kind.TEXT
    kinds = {"integer": Kind.WHOLE, "number": Kind.NUMBER, "boolean": Kind.SWITCH}
    return kinds.get(form.get("type", ""), Kind.JSON)


def _about(kind: Kind, described: Mapping[str, Any], form: Mapping[str, Any]) -> Iterator[str]:
    if described.get("description"):
        yield str(described["description"])
    words = FORMAT_WORDS.get(form.get("format", ""), KIND_WORDS.get(kind))
    least, most = form.get("minimum"), form.get("maximum")
    if least is not None and most is not None:
        yield _("%(kind)s from %(least)s to %(most)s.") % {
            "kind": words,
            "least": least,
            "most": most,
        }
    elif least is not None:
        yield _("%(kind)s from %(least)s on.") % {"kind": words, "least": least}
    elif most is not None:
        yield _("%(kind)s up to %(most)s.") % {"kind": words, "most": most}
    elif words is not None:
        yield f"{words}."
