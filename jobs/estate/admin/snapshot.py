from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from jobs.admin.paging import BoundedPaginator
from jobs.estate.admin.base import EstatePage, InstanceFilter, ModelAdmin, ReadOnly, shown_moment
from jobs.estate.models.snapshot import DatabaseSizeSnapshot
from jobs.estate.units import format_bytes


@admin.register(DatabaseSizeSnapshot)
class DatabaseSizeSnapshotAdmin(EstatePage, ReadOnly, ModelAdmin[DatabaseSizeSnapshot]):
    has_cards = False
    list_display = ("database", "instance", "day", "total", "data", "indexes", "log")
    list_filter = (("database__instance", InstanceFilter),)
    list_select_related = ("database__instance",)
    search_fields = ("database__name",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    fields = ("database", "instance", "day", "taken", "total", "data", "indexes", "log")
    taken = shown_moment("taken_at", _("taken at"))

    @admin.display(description=_("instance"), ordering="database__instance__name")
    def instance(self, snapshot: DatabaseSizeSnapshot) -> str:
        return snapshot.database.instance.name

    @admin.display(description=_("total"), ordering="total_bytes")
    def total(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.total_bytes)

    @admin.display(description=_("data"), ordering="data_bytes")
    def data(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.data_bytes)

    @admin.display(description=_("indexes"), ordering="index_bytes")
    def indexes(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.index_bytes)

    @admin.display(description=_("log"), ordering="wal_bytes")
    def log(self, snapshot: DatabaseSizeSnapshot) -> str:
        return format_bytes(snapshot.wal_bytes)
