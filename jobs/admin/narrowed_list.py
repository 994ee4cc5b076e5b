"""Lists of what happened: tabs, a search, a job's id and selects narrow them, and they are quick
with a million rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from jobs.admin.execution_filters import JobFilter
from jobs.admin.paging import BoundedPaginator
from jobs.admin.rights import RightsAdmin


class NarrowedList(ChangeList):
    """What `admin/jobs/narrowing.html` shows of the filters."""

    tab_filter: ClassVar[type[admin.SimpleListFilter]]
    select_filters: ClassVar[tuple[type[admin.SimpleListFilter], ...]]

    @property
    def tabs(self) -> list[dict[str, Any]]:
        """A link for each choice of the one filter, and one for all."""
        (spec,) = self._specs(self.tab_filter)
        choices = [(None, _("All")), *spec.lookup_choices]
        return [
            {
                "value": value,
                "badge": getattr(spec, "badges", {}).get(value, value),
                "label": label,
                "url": self.get_query_string({spec.parameter_name: value}, ["p"]),
                "is_open": (spec.value() or None) == value,
            }
            for value, label in choices
        ]

    @property
    def selects(self) -> list[Any]:
        return self._specs(*self.select_filters)

    @property
    def job(self) -> Any:
        return self._specs(JobFilter)[0]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form sends besides its own fields."""
        (spec,) = self._specs(self.tab_filter)
        return [(spec.parameter_name, spec.value())] if spec.value() else []

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query) or any(spec.value() for spec in self._specs(admin.SimpleListFilter))

    def _specs(self, *kinds: type) -> list[Any]:
        return [spec for spec in self.filter_specs if isinstance(spec, kinds)]


class NarrowedListAdmin(RightsAdmin):
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        return super().changelist_view(request, context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """By what the filters offer, and nothing that would read the whole table."""
        return lookup in {one.parameter_name for one in self.list_filter}  # type: ignore[union-attr]
