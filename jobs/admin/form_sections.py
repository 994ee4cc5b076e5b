"""The fields of a job's form, in the sections in which its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.forms import BoundField
from django.utils.translation import gettext as _

from jobs.admin import trigger_fields
from jobs.admin.job_form import JobForm
from jobs.admin.json_text import as_text
from jobs.control.input import POLICIES
from jobs.masking import masked
from jobs.models import Job
from jobs.triggers.interval import UNITS, WINDOW

INHERITING = ("", None, "unknown", "threads")
"""What the fields of policies hold where the job has none of its own."""


def sections(form: JobForm) -> dict[str, Any]:
    """By the names that the templates know."""
    policies = [form[name] for name in ("executor", *POLICIES)]
    found: dict[str, Any] = {
        "policies": policies,
        "has_own_policies": _is_any(policies, INHERITING),
    }
    if form.has_identity:
        found["arguments"] = [form[name] for name in form.arguments.fields if name != "args"]
        found["has_positional"] = _is_any([form["args"]], ("", None, "[]"))
    else:
        found["identity"] = _identity(form.instance)
    if not form.trigger.is_raw:
        found["presets"] = trigger_fields.PRESETS
        found["cron"] = [form[trigger_fields.CRON + name] for name in trigger_fields.SEVEN]
        found["interval"] = [form[trigger_fields.INTERVAL + unit] for unit in UNITS]
        found["has_limits"] = _is_any([form[name] for name in (*WINDOW, "cron_week")], ("", None))
    return found


def _is_any(fields: Sequence[BoundField], empty: Sequence[Any]) -> bool:
    """Whether one of fields that are folded away holds something, or is wrong."""
    return any(field.errors or field.value() not in empty for field in fields)


def _identity(job: Job) -> list[tuple[str, str]]:
    """What is fixed in a built-in job."""
    arguments = [as_text(masked(value)) for value in (job.kwargs, job.args) if value]
    return [
        (_("Name"), job.name),
        (_("ID"), job.pk),
        (_("Description"), job.description),
        (_("Function"), job.function),
        *((_("Arguments"), text) for text in arguments),
    ]
