"""The part of a job's form that asks for the arguments of its task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin import argument_fields
from jobs.admin.json_text import JSONText, as_text
from jobs.registry import TaskSpec, find_task

AS_JSON = "kwargs"
"""The one field in place of all others."""


class ArgumentsPart:
    """One field a parameter, or one of JSON; `sent` is what was typed, and may be rearranged."""

    def __init__(
        self, function: str, base: Mapping[str, Any], sent: dict[str, str] | None, *, wish: str
    ) -> None:
        """`wish` is what a button asked for: to see them as "json" or as "fields"."""
        self.task: TaskSpec | None = find_task(function)
        self.base = base
        self.sent = sent
        self.problems: dict[str, ValidationError] = {}
        """What keeps a wish from being granted, by field."""
        if sent is not None and wish:
            self._rearrange(sent, wish)
        self.is_json = self.task is None or (sent is not None and AS_JSON in sent)
        self.fields = self._fields()

    @property
    def initial(self) -> dict[str, Any]:
        return {name: field.initial for name, field in self.fields.items()}

    @property
    def about(self) -> list[str]:
        """The paragraphs of the function's docstring."""
        return self.task.doc.split("\n\n") if self.task is not None and self.task.doc else []

    def given(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """`args` and `kwargs` as control takes them."""
        positional = cleaned.get("args")
        if self.is_json:
            named = cleaned.get(AS_JSON)
            named = {} if named is None else named
        else:
            named = argument_fields.collected(self.fields, cleaned)
        return {"args": [] if positional is None else positional, "kwargs": named}

    def place(self, path: str) -> tuple[str | None, str]:
        """The field for an error of control's, and the part of it that is wrong."""
        group, __, part = path.partition(".")
        if group == "args":
            return "args", part
        if self.is_json:
            return AS_JSON, part
        argument, __, inner = part.partition(".")
        name = argument_fields.field_of(self.fields, argument)
        return name, part if name in (argument_fields.MORE, None) else inner

    def lost(self) -> list[str]:
        """Names of arguments that were typed for another function and are not asked for here."""
        sent = self.sent or {}
        prefixes = (argument_fields.TYPED, argument_fields.AS_JSON)
        return [
            name.split("-", 1)[1]
            for name, text in sent.items()
            if name.startswith(prefixes) and name not in self.fields and text.strip()
        ]

    def _fields(self) -> dict[str, forms.Field]:
        if self.task is None or self.is_json:
            fields: dict[str, forms.Field] = {AS_JSON: _json_field(self.base.get("kwargs"))}
        else:
            fields = argument_fields.argument_fields(
                self.task, self.base.get("args"), self.base.get("kwargs"), sent=self.sent
            )
        fields["args"] = JSONText(
            label=gettext_lazy("Positional arguments"),
            required=False,
            initial=self.base.get("args", []),
            help_text=gettext_lazy("A JSON list. Named arguments are easier to read."),
        )
        return fields

    def _rearrange(self, sent: dict[str, str], wish: str) -> None:
        if self.task is None:
            return
        if wish == "json" and AS_JSON not in sent:
            fields = argument_fields.argument_fields(
                self.task, self.base.get("args"), self.base.get("kwargs"), sent=sent
            )
            cleaned = self._cleaned(fields, sent)
            if not self.problems:
                sent[AS_JSON] = as_text(argument_fields.collected(fields, cleaned))
        elif wish == "fields" and AS_JSON in sent:
            cleaned = self._cleaned({AS_JSON: _json_field(None)}, sent)
            named = cleaned.get(AS_JSON) or {}
            if not self.problems and not isinstance(named, Mapping):
                self.problems[AS_JSON] = ValidationError(_("This must be an object."))
            if not self.problems:
                fields = argument_fields.argument_fields(self.task, self.base.get("args"), named)
                del sent[AS_JSON]
                sent.update({name: _as_sent(field) for name, field in fields.items()})

    def _cleaned(
        self, fields: Mapping[str, forms.Field], sent: Mapping[str, str]
    ) -> dict[str, Any]:
        cleaned = {}
        for name, field in fields.items():
            try:
                cleaned[name] = field.clean(sent.get(name, ""))
            except ValidationError as error:
                self.problems[name] = error
        return cleaned


def _as_sent(field: forms.Field) -> str:
    """The text that a browser sends for a field as it is shown."""
    return str(field.prepare_value(field.initial) or "")


def _json_field(kwargs: Any) -> forms.Field:
    return JSONText(
        label=gettext_lazy("Arguments"),
        required=False,
        initial={} if kwargs is None else kwargs,
        help_text=gettext_lazy('A JSON object of names and values, as in {"days": 7}.'),
    )
