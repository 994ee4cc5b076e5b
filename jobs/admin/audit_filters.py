"""By what the audit is narrowed: changes or refusals, action, job, through what, and time.

One that is empty, as a form sends it, narrows nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from jobs.admin import execution_filters
from jobs.admin.execution_filters import equal
from jobs.models import AuditEvent
from jobs.models.audit import Via


class RefusedFilter(admin.SimpleListFilter):
    title = gettext_lazy("refused")
    parameter_name = "is_refused__exact"
    badges = {"0": "", "1": "refused"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("0", gettext_lazy("Changes")), ("1", gettext_lazy("Refused"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = self.value() in self.badges
        return queryset.filter(is_refused=self.value() == "1") if known else queryset


class ActionFilter(admin.SimpleListFilter):
    title = gettext_lazy("action")
    parameter_name = "action"
    all = gettext_lazy("All actions")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(action, action) for action in AuditEvent.objects.actions()] or [("", "")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return equal(queryset, "action", self.value())


class ViaFilter(admin.SimpleListFilter):
    title = gettext_lazy("through")
    parameter_name = "via__exact"
    all = gettext_lazy("Through anything")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Via.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return equal(queryset, "via", self.value())


class JobFilter(execution_filters.JobFilter):
    parameter_name = "job_id"


class WithinFilter(execution_filters.WithinFilter):
    def since(self, rows: QuerySet[Any], moment: datetime) -> QuerySet[Any]:
        return rows.filter(at__gte=moment)
