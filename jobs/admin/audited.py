"""Pages whose every change leaves an audit event."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.rights import OfferedActions, actor_of
from jobs.control.audit import record


class Audited(OfferedActions):
    """Names what was changed, and not to what: that may be a secret."""

    def told(self, obj: Any) -> dict[str, Any]:
        """What an event tells of the row as it is stored, before and after: nothing, unless a
        page says otherwise."""
        return {}

    def changed(self, form: Any) -> list[str]:
        """Names of the fields that the form changes."""
        return sorted(form.changed_data)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        form.told_before = self.told(obj) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change or form.changed_data:
            fields = self.changed(form)
            self.record(
                request,
                "change" if change else "create",
                form.instance,
                before=form.told_before or None,
                after=self.told(form.instance) or {"fields": fields},
                message=", ".join(fields),
            )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.record(request, "delete", obj, before=self.told(obj) or None)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.record(request, "delete", obj, before=self.told(obj) or None)
        super().delete_queryset(request, queryset)

    def record(self, request: HttpRequest, verb: str, obj: Any, **told: Any) -> None:
        record(actor_of(request), f"{self.audited_as}.{verb}", target=str(obj), **told)
