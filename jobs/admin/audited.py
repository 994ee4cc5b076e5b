"""Pages whose every change leaves an audit event."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.rights import OfferedActions, actor_of
from jobs.control.audit import record


class Audited(OfferedActions):
    """Names what was changed, never to what: that may be a secret."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or form.changed_data:
            self._record(request, "change" if change else "create", obj, list(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._record(request, "delete", obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self._record(request, "delete", obj)
        super().delete_queryset(request, queryset)

    def _record(
        self, request: HttpRequest, verb: str, obj: Any, fields: list[str] | None = None
    ) -> None:
        record(
            actor_of(request),
            f"{self.audited_as}.{verb}",
            target=str(obj),
            after=None if fields is None else {"fields": sorted(fields)},
            message=", ".join(sorted(fields or ())),
        )
