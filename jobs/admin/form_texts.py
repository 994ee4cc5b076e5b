"""The texts of a form, as a browser sends them."""

from __future__ import annotations

from typing import Any

from django import forms


def as_sent(form: forms.BaseForm) -> dict[str, str]:
    """What is sent for a form as it is shown."""
    sent = {}
    for field in form:
        widget: Any = field.field.widget
        value = field.value()
        if isinstance(widget, forms.CheckboxInput):
            if value:
                sent[field.name] = "on"
            continue
        shown = widget.format_value(value)
        shown = shown[0] if isinstance(shown, list) and shown else shown
        sent[field.name] = str(shown) if shown else ""
    return sent
