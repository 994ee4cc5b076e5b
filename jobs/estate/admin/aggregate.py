from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.display import lines
from jobs.admin.paging import BoundedPaginator
from jobs.estate.admin.base import (
    EMPTY,
    EstatePage,
    InstanceFilter,
    ModelAdmin,
    ReadOnly,
    shown_moment,
)
from jobs.estate.admin.bytes import bytes_a_day, signed_bytes, signed_percent
from jobs.estate.models.aggregate import SizeAggregate
from jobs.estate.units import format_bytes


class OwnerFilter(admin.SimpleListFilter):
    title = gettext_lazy("of")
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("instances", gettext_lazy("whole instances")),
            ("databases", gettext_lazy("single databases")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("instances", "databases"):
            return queryset
        return queryset.filter(database__isnull=self.value() == "instances")


@admin.register(SizeAggregate)
class SizeAggregateAdmin(EstatePage, ReadOnly, ModelAdmin[SizeAggregate]):
    """By when they were first written, so that no list has to sort the table."""

    list_display = ("about", "when", "sizes", "growth")
    list_filter = ("kind", OwnerFilter, ("instance", InstanceFilter))
    list_select_related = ("instance", "database")
    list_display_links = ("when",)
    ordering = ("-id",)
    sortable_by = ()
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = (
        "instance",
        "database_or_all",
        "kind",
        "period",
        "samples",
        "average",
        "minimum",
        "maximum",
        "first",
        "last",
        "change",
        "trend",
        "computed",
    )
    computed = shown_moment("computed_at", gettext_lazy("computed at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SizeAggregate]:
        return super().get_queryset(request).select_related("instance", "database")

    @admin.display(description=gettext_lazy("database"))
    def about(self, aggregate: SizeAggregate) -> SafeString:
        return lines(self.database_or_all(aggregate), aggregate.instance.name)

    @admin.display(description=gettext_lazy("days"))
    def when(self, aggregate: SizeAggregate) -> SafeString:
        return lines(self.period(aggregate), aggregate.get_kind_display())

    @admin.display(description=gettext_lazy("last"))
    def sizes(self, aggregate: SizeAggregate) -> SafeString:
        return lines(
            self.last(aggregate), _("average %(size)s") % {"size": self.average(aggregate)}
        )

    @admin.display(description=gettext_lazy("change"))
    def growth(self, aggregate: SizeAggregate) -> SafeString:
        return lines(self.change(aggregate), self.trend(aggregate))

    @admin.display(description=gettext_lazy("database"))
    def database_or_all(self, aggregate: SizeAggregate) -> str:
        return _("all") if aggregate.database is None else aggregate.database.name

    @admin.display(description=gettext_lazy("days"))
    def period(self, aggregate: SizeAggregate) -> str:
        if aggregate.ends_on == aggregate.starts_on:
            return f"{aggregate.starts_on:%Y-%m-%d}"
        return f"{aggregate.starts_on:%Y-%m-%d} – {aggregate.ends_on:%Y-%m-%d}"

    @admin.display(description=gettext_lazy("average"))
    def average(self, aggregate: SizeAggregate) -> str:
        return format_bytes(aggregate.average_bytes)

    @admin.display(description=gettext_lazy("minimum"))
    def minimum(self, aggregate: SizeAggregate) -> str:
        return format_bytes(aggregate.minimum_bytes)

    @admin.display(description=gettext_lazy("maximum"))
    def maximum(self, aggregate: SizeAggregate) -> str:
        return format_bytes(aggregate.maximum_bytes)

    @admin.display(description=gettext_lazy("first"))
    def first(self, aggregate: SizeAggregate) -> str:
        return format_bytes(aggregate.first_bytes)

    @admin.display(description=gettext_lazy("last"))
    def last(self, aggregate: SizeAggregate) -> str:
        return format_bytes(aggregate.last_bytes)

    @admin.display(description=gettext_lazy("change"))
    def change(self, aggregate: SizeAggregate) -> str:
        if aggregate.change_bytes is None:
            return EMPTY
        change = signed_bytes(aggregate.change_bytes)
        if aggregate.change_percent is None:
            return change
        return f"{change} ({signed_percent(aggregate.change_percent)})"

    @admin.display(description=gettext_lazy("trend"))
    def trend(self, aggregate: SizeAggregate) -> str:
        if aggregate.trend_bytes_per_day is None:
            return EMPTY
        return bytes_a_day(aggregate.trend_bytes_per_day)
