"""The policies of a job in its form, each with what it inherits when it is left empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from jobs.models import Job
from jobs.registry import policies_of, retry_policies_of

SECONDS = ("misfire_grace_time", "timeout", "retry_delay")
UNLIMITED_AT_ZERO = ("misfire_grace_time", "timeout")


def explain_policies(fields: Mapping[str, forms.Field], function: str) -> None:
    """Show in each field what it inherits from the function and from the settings."""
    job = Job(function=function)
    for name, value in {**asdict(policies_of(job)), **asdict(retry_policies_of(job))}.items():
        field: Any = fields[name]
        inherited = _("inherited: %(value)s") % {"value": _value(name, value)}
        if isinstance(value, bool):
            field.widget.choices = [
                ("unknown", inherited),
                ("true", _("yes")),
                ("false", _("no")),
            ]
        else:
            field.widget.input_type = "text"  # a browser empties what is no number in its eyes
            field.widget.attrs |= {
                "placeholder": inherited,
                "inputmode": "decimal" if isinstance(value, float) else "numeric",
                "autocomplete": "off",
            }


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name in UNLIMITED_AT_ZERO and value == 0:
        return _("no limit")
    if name in SECONDS:
        return _("%(n)d s") % {"n": value}
    return f"{value:g}"
