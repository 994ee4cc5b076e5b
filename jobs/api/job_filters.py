from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import Filter

from jobs.api.filters import Filters, Text, Words, YesNo
from jobs.api.paging import PageQuery
from jobs.api.strict import Choice
from jobs.executions.claim import EXECUTORS
from jobs.executions.database import database_clock
from jobs.models import BUILTIN_IDS, JobState
from jobs.triggers import TriggerType


class Search(Filter):  # type: ignore[misc]  # django-filter has no types
    field_class = forms.CharField

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        found = Q()
        for name in ("id", "name", "description", "function"):
            found |= Q(**{f"{name}__icontains": value})
        return qs.filter(found) if value else qs


class InState(Words):
    def filter(self, qs: Any, value: list[str]) -> Any:
        return qs.with_schedule(database_clock()).in_state(*value)


class BuiltIn(YesNo):
    def filter(self, qs: QuerySet[Any], value: bool) -> QuerySet[Any]:
        among = Q(pk__in=BUILTIN_IDS)
        return qs.filter(among if value else ~among)


class JobFilters(Filters):
    state = InState("state", JobState.values)
    function = Text("function", max_length=200)
    trigger_type = Words("trigger_type", list(TriggerType))
    is_builtin = BuiltIn("pk")
    executor = Words("executor", sorted(EXECUTORS))
    q = Search(
        max_length=200, help_text=_("A part of the id, name, description or function's name.")
    )


class JobPage(PageQuery):
    ordering = Choice(
        ["id", "-id", "name", "-name", "next_run_time", "-next_run_time"], default="id"
    )
