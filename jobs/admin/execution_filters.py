"""By what the list of executions is narrowed: verdict, source, job and time.

All of them are parameters of the admin's list, so that links from other pages go on to work;
one that is empty, as a form sends it, narrows nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from jobs.executions.database import database_now
from jobs.models import Source, Status


class StatusFilter(admin.SimpleListFilter):
    title = gettext_lazy("verdict")
    parameter_name = "status__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Status.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return equal(queryset, "status", self.value())


class SourceFilter(admin.SimpleListFilter):
    title = gettext_lazy("source")
    parameter_name = "source__exact"
    all = gettext_lazy("All sources")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Source.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return equal(queryset, "source", self.value())


class WithinFilter(admin.SimpleListFilter):
    """By when it ended; what has not ended is always recent. Served by the index on that."""

    title = gettext_lazy("time")
    parameter_name = "within"
    all = gettext_lazy("Any time")
    spans = {
        "1h": (timedelta(hours=1), gettext_lazy("Last hour")),
        "24h": (timedelta(hours=24), gettext_lazy("Last 24 hours")),
        "7d": (timedelta(days=7), gettext_lazy("Last 7 days")),
        "30d": (timedelta(days=30), gettext_lazy("Last 30 days")),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(key, label) for key, (_span, label) in self.spans.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in self.spans:
            return queryset
        return self.since(queryset, database_now() - self.spans[self.value() or ""][0])

    def since(self, rows: QuerySet[Any], moment: datetime) -> QuerySet[Any]:
        return rows.filter(Q(finished_at__gte=moment) | Q(finished_at__isnull=True))


class JobFilter(admin.SimpleListFilter):
    """By a job's id, also of one that has gone. There may be thousands, so it is typed."""

    title = gettext_lazy("job")
    parameter_name = "job__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("", "")]  # without any, the admin would not ask for the rows

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return equal(queryset, "job_id", self.value())


def equal(rows: QuerySet[Any], field: str, value: str | None) -> QuerySet[Any]:
    return rows.filter(**{field: value}) if value else rows
