from __future__ import annotations

from typing import Any

from django.contrib import admin

from jobs.admin.audited import Audited
from jobs.estate.admin.base import (
    AgainAfterConflict,
    EstatePage,
    InstanceFilter,
    Managed,
    ModelAdmin,
    ModelForm,
)
from jobs.estate.models.policy import PartitionPolicy
from jobs.estate.services.policies import problems_of


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

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        problems = problems_of(
            interval=cleaned.get("interval"),
            step=cleaned.get("step"),
            premake=cleaned.get("premake"),
        )
        for field in problems.keys() - self.errors.keys():
            self.add_error(field, problems[field])
        return cleaned


@admin.register(PartitionPolicy)
class PartitionPolicyAdmin(
    EstatePage, AgainAfterConflict, Managed, Audited, ModelAdmin[PartitionPolicy]
):
    audited_as = "policy"
    form = PartitionPolicyForm
    has_cards = False
    list_display = ("__str__", "instance", "interval", "step", "premake", "retention", "is_active")
    list_filter = (("instance", InstanceFilter), "interval", "is_active")
    list_select_related = ("instance",)
    search_fields = ("database", "schema", "table")
    fieldsets = (
        (None, {"fields": ("instance", "database", "schema", "table")}),
        (None, {"fields": ("interval", "step", "premake", "retention", "is_active")}),
    )
