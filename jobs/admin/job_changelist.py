"""Which jobs the list shows: its tabs of states, its filters, its pages."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import InvalidPage
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.job_rows import read_rows
from jobs.admin.paging import KnownPaginator
from jobs.admin.rights import user_of
from jobs.models import Job, JobState
from jobs.registry import all_tasks

STATE = "state"
TABS = (
    JobState.SCHEDULED,
    JobState.PAUSED,
    JobState.DISABLED,
    JobState.BROKEN,
    JobState.FINISHED,
)
TRIGGERS = Job._meta.get_field("trigger_type").flatchoices


class OneOf(admin.SimpleListFilter):
    """By one of its own words; by any other there is nothing."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        if value not in dict(self.lookup_choices):
            return queryset.none()
        return queryset.filter(**{str(self.parameter_name): value})


class StateFilter(OneOf):
    """Shown as tabs."""

    title = gettext_lazy("state")
    parameter_name = STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return JobState.choices


class FunctionFilter(OneOf):
    """By the tasks that are registered: jobs of others have their own tab, as they are broken."""

    title = gettext_lazy("function")
    parameter_name = "function"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(task.name, task.name) for task in all_tasks()]


class TriggerFilter(OneOf):
    title = gettext_lazy("trigger")
    parameter_name = "trigger_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return TRIGGERS


class JobList(ChangeList):
    """Counts by state, from which the number of rows follows too; reads rows when it is asked."""

    counts: dict[str, int]

    def get_results(self, request: HttpRequest) -> None:
        among = self.get_queryset(request, exclude_parameters=[STATE]).order_by()
        self.counts = dict(among.values_list("state").annotate(n=Count("pk")))
        state = self.params.get(STATE)
        count = self.counts.get(state, 0) if state else sum(self.counts.values())
        paginator = KnownPaginator(self.queryset, self.list_per_page, count=count)
        self.paginator = paginator
        self.result_count = count
        self.full_result_count = None
        self.show_admin_actions = True
        self.can_show_all = count <= self.list_max_show_all
        self.multi_page = count > self.list_per_page
        page = self.queryset
        if self.multi_page and not (self.show_all and self.can_show_all):
            try:
                page = paginator.page(self.page_num).object_list
            except InvalidPage:
                raise IncorrectLookupParameters from None
        self.result_list: Any = SimpleLazyObject(partial(_rows_of, request, page))

    def tabs(self) -> list[dict[str, Any]]:
        """All, and each state: with its number, its address and whether it is open."""
        chosen = self.params.get(STATE, "")
        all_of_them = [("", _("All"), sum(self.counts.values()))]
        states = [(state.value, state.label, self.counts.get(state.value, 0)) for state in TABS]
        return [
            {
                "state": state,
                "label": label,
                "count": count,
                "url": self.get_query_string({STATE: state} if state else {}, [STATE, "p", "all"]),
                "is_open": state == chosen,
            }
            for state, label, count in all_of_them + states
        ]

    def selects(self) -> list[dict[str, Any]]:
        """The other filters, for the form of the search."""
        functions = [(task.name, task.name) for task in all_tasks()]
        return [
            {
                "name": name,
                "title": title,
                "all": everything,
                "choices": choices,
                "chosen": self.params.get(name, ""),
            }
            for name, title, everything, choices in (
                (FunctionFilter.parameter_name, _("Function"), _("All functions"), functions),
                (TriggerFilter.parameter_name, _("Trigger"), _("All triggers"), TRIGGERS),
            )
        ]

    def kept(self) -> list[tuple[str, str]]:
        """Parameters that a new search keeps."""
        return [(name, self.params[name]) for name in (STATE, ORDER_VAR) if name in self.params]

    def is_narrowed(self) -> bool:
        return bool(self.query or self.has_active_filters)


def _rows_of(request: HttpRequest, page: QuerySet[Any]) -> list[Any]:
    return read_rows(user_of(request), list(page.values_list("pk", flat=True)))
