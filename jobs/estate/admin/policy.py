from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.audited import Audited
from jobs.admin.display import badge, lines
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
    list_display = ("about", "partitions", "kept", "state")
    list_filter = (("instance", InstanceFilter), "interval", "is_active")
    list_select_related = ("instance",)
    search_fields = ("database", "schema", "table")
    fieldsets = (
        (None, {"fields": ("instance", "database", "schema", "table")}),
        (None, {"fields": ("interval", "step", "premake", "retention", "is_active")}),
    )

    @admin.display(description=gettext_lazy("table"), ordering="table")
    def about(self, policy: PartitionPolicy) -> SafeString:
        return lines(str(policy), policy.instance.name)

    @admin.display(description=gettext_lazy("partitions"), ordering="interval")
    def partitions(self, policy: PartitionPolicy) -> SafeString:
        ahead = ngettext("%(n)d period ahead", "%(n)d periods ahead", policy.premake)
        interval = policy.get_interval_display()
        if policy.step is not None:
            step = number_format(policy.step, force_grouping=True)
            interval = _("range of %(step)s numbers") % {"step": step}
        one = _("one for each %(interval)s") % {"interval": interval}
        return lines(one, ahead % {"n": policy.premake})

    @admin.display(description=gettext_lazy("kept"), ordering="retention")
    def kept(self, policy: PartitionPolicy) -> str:
        if policy.retention is None:
            return _("all kept")
        kept = ngettext("%(n)d period kept", "%(n)d periods kept", policy.retention)
        return kept % {"n": policy.retention}

    @admin.display(description=gettext_lazy("state"), ordering="is_active")
    def state(self, policy: PartitionPolicy) -> SafeString:
        if policy.is_active:
            return badge("scheduled", _("active"))
        return badge("disabled", _("not active"))
