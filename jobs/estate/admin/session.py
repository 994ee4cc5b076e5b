from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from jobs.estate.admin.base import ModelAdmin, ReadOnly, TabularInline, shown_moment
from jobs.estate.models.record import SyncRecord
from jobs.estate.models.session import SyncSession
from jobs.estate.units import format_bytes


class SyncRecordInline(ReadOnly, TabularInline[SyncRecord, SyncSession]):
    model = SyncRecord
    fields = (
        "instance_name",
        "status",
        "total",
        "items_seen",
        "items_created",
        "items_updated",
        "items_removed",
        "seconds",
        "error",
    )
    readonly_fields = ("total",)
    extra = 0
    can_delete = False

    @admin.display(description=_("total"))
    def total(self, record: SyncRecord) -> str:
        return format_bytes(record.details.get("totals", {}).get("total_bytes"))


@admin.register(SyncSession)
class SyncSessionAdmin(ReadOnly, ModelAdmin[SyncSession]):
    list_display = (
        "__str__",
        "status",
        "source",
        "requested_by",
        "started",
        "finished",
        "instances_total",
        "instances_completed",
        "instances_failed",
        "total",
    )
    list_filter = ("category", "status", "source")
    fields = (
        "category",
        "status",
        "source",
        "requested_by",
        "started",
        "finished",
        "execution_number",
        "instances_total",
        "instances_completed",
        "instances_failed",
        "total",
        "error",
    )
    inlines = (SyncRecordInline,)
    show_full_result_count = False
    started = shown_moment("started_at", _("started at"))
    finished = shown_moment("finished_at", _("finished at"))

    @admin.display(description=_("total"))
    def total(self, session: SyncSession) -> str:
        return format_bytes(session.totals.get("total_bytes"))

    @admin.display(description=_("execution"))
    def execution_number(self, session: SyncSession) -> str:
        # Only the number: the row itself may have been cleared away.
        return "-" if session.execution_id is None else f"#{session.execution_id}"
