from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from jobs.admin.audited import Audited
from jobs.estate.admin.base import Managed, ModelAdmin, shown_moment
from jobs.estate.models.database import Database


@admin.register(Database)
class DatabaseAdmin(Managed, Audited, ModelAdmin[Database]):
    """Found by the sync, not made by hand; only the limit is for people to set."""

    audited_as = "database"
    list_display = ("name", "instance", "is_system", "seen_first", "seen_last", "dropped")
    fields = (*list_display, "size_limit_bytes")
    readonly_fields = list_display
    list_filter = ("instance", "is_system", ("dropped_at", admin.EmptyFieldListFilter))
    list_select_related = ("instance",)
    search_fields = ("name",)
    show_full_result_count = False
    seen_first = shown_moment("first_seen", _("first seen"))
    seen_last = shown_moment("last_seen", _("last seen"))
    dropped = shown_moment("dropped_at", _("dropped at"))

    def has_add_permission(self, request: HttpRequest, obj: Database | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Database | None = None) -> bool:
        return False
