from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _

from jobs.estate.admin.base import Managed, ModelAdmin, ModelForm
from jobs.estate.models.policy import Interval, PartitionPolicy
from jobs.estate.services.partition_plans import MOST_AHEAD


class PartitionPolicyForm(ModelForm[PartitionPolicy]):
    class Meta:
        model = PartitionPolicy
        fields = (
            "instance",
            "database",
            "schema",
            "table",
            "interval",
            "step",
            "premake",
            "retention",
            "is_active",
        )

    def clean_premake(self) -> int:
        premake: int = self.cleaned_data["premake"]
        if premake > MOST_AHEAD:
            self.add_error("premake", _("At most %(most)s.") % {"most": MOST_AHEAD})
        return premake

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_number = cleaned.get("interval") == Interval.NUMBER
        if is_number and cleaned.get("step") is None and "step" not in self.errors:
            self.add_error("step", _("A range of numbers needs this."))
        if cleaned.get("interval") and not is_number and cleaned.get("step") is not None:
            self.add_error("step", _("Only a range of numbers has one; leave this empty."))
        return cleaned


@admin.register(PartitionPolicy)
class PartitionPolicyAdmin(Managed, ModelAdmin[PartitionPolicy]):
    form = PartitionPolicyForm
    list_display = ("__str__", "instance", "interval", "step", "premake", "retention", "is_active")
    list_filter = ("instance", "interval", "is_active")
    list_select_related = ("instance",)
    search_fields = ("database", "schema", "table")
    fieldsets = (
        (None, {"fields": ("instance", "database", "schema", "table")}),
        (None, {"fields": ("interval", "step", "premake", "retention", "is_active")}),
    )
