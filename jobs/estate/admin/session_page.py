"""The page of one session, and the parts of it that change while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone as django_timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.gzip import gzip_page

from jobs.admin.display import duration, moment
from jobs.admin.page_words import page_words
from jobs.estate.admin.base import ModelAdmin, may_see
from jobs.estate.admin.session_display import asked_by, size_of, status_badge
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import SessionStatus, SyncSession

MOST_RECORDS = 1000
"""Of one session that a page shows."""

FIRST = {
    RecordStatus.FAILED: 0,
    RecordStatus.RUNNING: 1,
    RecordStatus.PENDING: 2,
    RecordStatus.SKIPPED: 3,
}
RANK = Case(
    *(When(status=status, then=Value(rank)) for status, rank in FIRST.items()),
    default=Value(len(FIRST)),
    output_field=IntegerField(),
)
"""What needs somebody first; what is done last."""


class SessionPageAdmin(ModelAdmin[SyncSession]):
    change_form_template = "admin/estate/syncsession/change_form.html"
    fields = ()

    def get_urls(self) -> list[URLPattern]:
        live = self.admin_site.admin_view(self.live_view)
        return [
            path("<path:object_id>/live/", live, name="estate_syncsession_live"),
            *super().get_urls(),
        ]

    @method_decorator(gzip_page)
    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The parts of the page that change, by themselves."""
        session = self.get_object(request, unquote(object_id))
        if session is None:
            raise Http404
        if not self.has_view_permission(request, session):
            raise PermissionDenied
        return render(request, "admin/estate/syncsession/live.html", state_of(request, session))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: SyncSession | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context.update(state_of(request, obj), page_words=page_words())
            context.update(title=str(obj), subtitle=None, execution=execution_of(request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)


def state_of(request: HttpRequest, session: SyncSession) -> dict[str, Any]:
    """What changes until its verdict. Two statements."""
    counts = session.records.aggregate(
        all=Count("pk"),
        **{status: Count("pk", filter=Q(status=status)) for status in RecordStatus.values},
    )
    settled = counts["all"] - counts[RecordStatus.PENDING] - counts[RecordStatus.RUNNING]
    ended_at = session.finished_at or django_timezone.now()
    is_linked = may_see(request, DatabaseInstance)
    records = session.records.order_by(RANK, "instance_name")[:MOST_RECORDS]
    return {
        "original": session,
        "is_running": session.status == SessionStatus.RUNNING,
        "badge": status_badge(session),
        "sentence": _sentence(counts),
        "settled": settled,
        "all": counts["all"],
        "asked_by": asked_by(session),
        "started": moment(session.started_at),
        "finished": moment(session.finished_at),
        "took": duration((ended_at - session.started_at).total_seconds()),
        "total": size_of(session.totals),
        "records": [_shown(record, is_linked=is_linked) for record in records],
        "left_out": max(counts["all"] - MOST_RECORDS, 0),
    }


def execution_of(request: HttpRequest, session: SyncSession) -> dict[str, Any] | None:
    """The run that it was part of; a link for who may see it, unless it was cleared away."""
    if session.execution_id is None:
        return None
    executions = admin.site.get_model_admin(SyncSession.execution.field.related_model)
    is_there = (
        executions.has_view_permission(request)
        and executions.get_queryset(request).filter(pk=session.execution_id).exists()
    )
    url = reverse("admin:jobs_jobexecution_change", args=[session.execution_id])
    return {"number": f"#{session.execution_id}", "url": url if is_there else ""}


def _sentence(counts: Mapping[str, int]) -> str:
    """ "500 instances: 3 failed, 2 running, 495 completed"."""
    if not counts["all"]:
        return _("There was no instance to visit.")
    n = counts["all"]
    parts = [
        f"{counts[status]} {RecordStatus(status).label}"
        for status in (*FIRST, RecordStatus.COMPLETED)
        if counts[status]
    ]
    words = ngettext("%(n)d instance: %(parts)s", "%(n)d instances: %(parts)s", n)
    return words % {"n": n, "parts": ", ".join(parts)}


def _shown(record: SyncRecord, *, is_linked: bool) -> dict[str, Any]:
    is_there = is_linked and record.instance_id is not None
    url = reverse("admin:estate_databaseinstance_change", args=[record.instance_id])
    return {
        "name": record.instance_name,
        "url": url if is_there else "",
        "badge": status_badge(record),
        "row": record,
        "size": size_of(record.details.get("totals", {})),
        "took": duration(record.seconds),
    }
