"""The part of a job's form that asks when it is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone as django_timezone
from django.utils.translation import gettext_lazy

from jobs.admin import trigger_fields
from jobs.admin.json_text import JSONText
from jobs.admin.trigger_fields import RAW, Standing
from jobs.triggers.spec import EXPRESSION


class TriggerPart:
    """Tabs of fields, or one field of JSON where they cannot show what is stored."""

    def __init__(
        self, base: Mapping[str, Any], sent: Mapping[str, str] | None, *, is_new: bool
    ) -> None:
        timezone = base.get("timezone", "")
        self.stands: Standing | None = trigger_fields.standing(
            base.get("trigger_type", ""),
            base.get("trigger_params"),
            timezone,
            timezone or django_timezone.get_default_timezone_name(),
        )
        if sent is None:
            self.is_raw = self.stands is None and not is_new
        else:
            self.is_raw = RAW in sent
        self.fields = self._fields(base)
        if self.stands is not None:
            self.initial: dict[str, Any] = dict(self.stands.texts)
        else:
            self.initial = {**trigger_fields.NEW, EXPRESSION: trigger_fields.FIRST_EXPRESSION}
        if self.is_raw:
            self.initial = {
                "trigger_type": base.get("trigger_type"),
                RAW: base.get("trigger_params"),
            }

    def given(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """`trigger_type` and `trigger_params` as control takes them."""
        kind = cleaned["trigger_type"]
        if self.is_raw:
            params = {} if cleaned[RAW] is None else cleaned[RAW]
        else:
            params = trigger_fields.collected(cleaned, self.stands)
        return {"trigger_type": kind, "trigger_params": params}

    def ignored(self, cleaned: Mapping[str, Any]) -> list[str]:
        """What was filled in beside what counts."""
        return [] if self.is_raw else trigger_fields.ignored(cleaned, self.initial)

    def place(self, path: str, cleaned: Mapping[str, Any]) -> tuple[str | None, str]:
        """The field for an error of control's, and the part of it that is wrong."""
        group, __, part = path.partition(".")
        if group != RAW:
            return group, part
        if self.is_raw:
            return RAW, part
        name = trigger_fields.field_of(part, cleaned["trigger_type"], cleaned.get("cron_style", ""))
        return name, "" if trigger_fields.param_of(name) == part else part

    def _fields(self, base: Mapping[str, Any]) -> dict[str, forms.Field]:
        if not self.is_raw:
            return trigger_fields.trigger_fields()
        return {
            RAW: JSONText(
                label=gettext_lazy("Trigger parameters"),
                required=False,
                help_text=gettext_lazy("JSON, as it is stored: the fields cannot show it."),
            )
        }
