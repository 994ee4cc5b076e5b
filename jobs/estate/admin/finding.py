from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs.admin.display import badge, json_block, lines, moment
from jobs.estate.admin.base import EstatePage, InstanceFilter, ModelAdmin, ReadOnly, shown_moment
from jobs.estate.models.finding import PartitionFinding, Severity

RANK = Case(
    When(severity=Severity.ERROR, then=Value(0)),
    When(severity=Severity.WARNING, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
"""The worst first; by the word itself “info” would stand between."""


class ResolvedFilter(admin.SimpleListFilter):
    title = _("resolved")
    parameter_name = "resolved"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("No")), ("yes", _("Yes"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PartitionFinding]
    ) -> QuerySet[PartitionFinding]:
        if self.value() not in ("no", "yes"):
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() == "no")


@admin.register(PartitionFinding)
class PartitionFindingAdmin(EstatePage, ReadOnly, ModelAdmin[PartitionFinding]):
    empty_sentence = _("There is nothing to complain about.")
    list_display = ("about", "where", "message", "since")
    list_display_links = ("about",)
    list_filter = ("severity", "kind", ResolvedFilter, ("instance", InstanceFilter))
    list_select_related = ("instance",)
    search_fields = ("database", "schema", "table", "partition")
    ordering = (F("resolved_at").desc(nulls_first=True), RANK.asc(), "-last_seen", "-id")
    show_full_result_count = False
    fields = (
        "rank",
        "kind",
        "message",
        "instance",
        "database",
        "schema",
        "table",
        "partition",
        "seen_first",
        "seen_last",
        "gone",
        "shown_details",
    )
    seen_first = shown_moment("first_seen", _("first seen"))
    seen_last = shown_moment("last_seen", _("last seen"))
    gone = shown_moment("resolved_at", _("resolved at"))

    @admin.display(description=_("severity"), ordering=RANK)
    def rank(self, finding: PartitionFinding) -> SafeString:
        return badge(finding.severity, finding.get_severity_display())

    @admin.display(description=_("finding"), ordering=RANK)
    def about(self, finding: PartitionFinding) -> SafeString:
        return lines(self.rank(finding), finding.get_kind_display())

    @admin.display(description=_("table"), ordering="table")
    def where(self, finding: PartitionFinding) -> SafeString:
        return lines(place_of(finding), finding.instance.name)

    @admin.display(description=_("since"), ordering="first_seen")
    def since(self, finding: PartitionFinding) -> SafeString:
        gone = moment(finding.resolved_at)
        return lines(
            moment(finding.first_seen), gone and format_html("{} {}", gettext("resolved"), gone)
        )

    @admin.display(description=_("details"))
    def shown_details(self, finding: PartitionFinding) -> SafeString | None:
        return json_block(finding.details or None)


def place_of(finding: PartitionFinding) -> str:
    """ "sales.public.orders"."""
    parts = (finding.database, finding.schema, finding.table)
    return ".".join(part for part in parts if part)
