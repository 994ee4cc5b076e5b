from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin.display import lines
from jobs.admin.paging import BoundedPaginator
from jobs.estate.admin.base import EstatePage, InstanceFilter, ModelAdmin, ReadOnly, shown_moment
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.units import format_bytes


@admin.register(DatabaseSizeSnapshot)
class DatabaseSizeSnapshotAdmin(EstatePage, ReadOnly, ModelAdmin[DatabaseSizeSnapshot]):
    list_display = ("about", "when", "size")
    list_display_links = ("when",)
    list_filter = (("database__instance", InstanceFilter),)
    search_fields = ("database__name",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    fields = ("database", "instance", "day", "taken", "total", "data", "indexes", "log")
    taken = shown_moment("taken_at", _("taken at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatabaseSizeSnapshot]:
        return super().get_queryset(request).select_related("database__instance")

    @admin.display(description=_("database"), ordering="database")
    def about(self, snapshot: DatabaseSizeSnapshot) -> SafeString:
        return lines(snapshot.database.name, snapshot.database.instance.name)

    @admin.display(description=_("day"), ordering="day")
    def when(self, snapshot: DatabaseSizeSnapshot) -> str:
        return f"{snapshot.day:%Y-%m-%d}"

    @admin.display(description=_("size"), ordering="total_bytes")
    def size(self, snapshot: DatabaseSizeSnapshot) -> SafeString:
        """The total, and of what it consists as far as the engine tells."""
        counts = {
            _("data"): snapshot.data_bytes,
            _("indexes"): snapshot.index_bytes,
            _("log"): snapshot.wal_bytes,
        }
        parts = [
            f"{name} {format_bytes(count)}" for name, count in counts.items() if count is not None
        ]
        return lines(self.total(snapshot), ", ".join(parts))

    @admin.display(description=_("instance"))
    def instance(self, snapshot: DatabaseSizeSnapshot) -> str:
        return snapshot.database.instance.name

    @admin.display(description=_("total"))
    def total(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.total_bytes)

    @admin.display(description=_("data"))
    def data(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.data_bytes)

    @admin.display(description=_("indexes"))
    def indexes(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.index_bytes)

    @admin.display(description=_("log"))
    def log(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.wal_bytes)
