"""JSON in a form: shown again exactly as it was typed, with what is wrong and where."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib.admin import widgets
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext as _


class JSONText(forms.JSONField):
    """An empty text is None."""

    widget = widgets.AdminTextareaWidget(
        attrs={"rows": 3, "class": "sc-json", "spellcheck": "false"}
    )

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.strip():
            return None
        return read_json(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None if data is None else InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return "" if value is None else as_text(value)


def read_json(text: str) -> Any:
    """The value; raises ValidationError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValidationError(_("This is not JSON: %(error)s.") % {"error": error}) from None


def as_text(value: Any) -> str:
    """JSON on one line while it is short."""
    text = _dumped(value)
    return text if len(text) <= 80 else _dumped(value, indent=2)


def _dumped(value: Any, **options: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, **options)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON may hold and no page can
        return json.dumps(value, **options)
    return text
