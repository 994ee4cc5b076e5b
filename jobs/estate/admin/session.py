from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from jobs.admin.display import badge, duration, lines, moment
from jobs.admin.paging import BoundedPaginator
from jobs.estate.admin.base import EMPTY, EstatePage, ReadOnly, kept_filters
from jobs.estate.admin.session_display import asked_by, size_of, status_badge
from jobs.estate.admin.session_page import SessionPageAdmin
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import SyncRecord
from jobs.estate.models.session import SyncSession


class VisitedFilter(admin.SimpleListFilter):
    """Sessions that had a record of the instance, whatever became of it."""

    title = gettext_lazy("instance")
    parameter_name = lookup_kwarg = "instance"
    template = "admin/estate/instance_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return DatabaseInstance.objects.order_by("name").values_list("pk", "name")

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        self.chosen = self.value() or ""
        self.kept = kept_filters(changelist, self.expected_parameters())
        return super().choices(changelist)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        if chosen not in {str(pk) for pk, _name in self.lookup_choices}:
            return queryset.none() if chosen else queryset
        return queryset.filter(
            Exists(SyncRecord.objects.filter(session=OuterRef("pk"), instance=int(chosen)))
        )


@admin.register(SyncSession)
class SyncSessionAdmin(EstatePage, ReadOnly, SessionPageAdmin):
    empty_sentence = gettext_lazy("No sync has run yet.")
    list_display = ("about", "state", "begun", "counts")
    list_filter = ("category", "status", "source", VisitedFilter)
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description=gettext_lazy("session"))
    def about(self, session: SyncSession) -> SafeString:
        return lines(str(session), asked_by(session))

    @admin.display(description=gettext_lazy("state"))
    def state(self, session: SyncSession) -> SafeString:
        return lines(status_badge(session), session.error)

    @admin.display(description=gettext_lazy("started at"))
    def begun(self, session: SyncSession) -> SafeString:
        if session.finished_at is None:
            return lines(moment(session.started_at))
        took = duration((session.finished_at - session.started_at).total_seconds())
        return lines(moment(session.started_at), _("took %(span)s") % {"span": took})

    @admin.display(description=gettext_lazy("instances"))
    def counts(self, session: SyncSession) -> SafeString:
        n = session.instances_total
        failed = _("%(n)d failed") % {"n": session.instances_failed}
        size = size_of(session.totals)
        return lines(
            ngettext("%(n)d instance", "%(n)d instances", n) % {"n": n},
            badge("failed", failed) if session.instances_failed else "",
            size if size != EMPTY else "",
        )
