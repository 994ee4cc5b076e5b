from __future__ import annotations

from django.contrib import admin

from jobs.estate.admin.base import ModelAdmin, ReadOnly
from jobs.estate.models.database import Database


@admin.register(Database)
class DatabaseAdmin(ReadOnly, ModelAdmin[Database]):
    list_display = ("name", "instance", "is_system", "first_seen", "last_seen", "dropped_at")
    list_filter = ("instance", "is_system", ("dropped_at", admin.EmptyFieldListFilter))
    list_select_related = ("instance",)
    search_fields = ("name",)
    show_full_result_count = False
