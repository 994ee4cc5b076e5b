"""The page of one session, and the parts of it that change while it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone as django_timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST

from jobs.admin.display import duration, lines, moment
from jobs.admin.page_words import page_words
from jobs.estate.admin.base import EMPTY, ModelAdmin, may_see
from jobs.estate.admin.session_display import asked_by, size_of, status_badge
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.record import UNSETTLED, RecordStatus, SyncRecord
from jobs.estate.models.session import SessionStatus, SyncSession

MOST_RECORDS = 1000
"""Of one session that a page shows."""

LARGEST_ID = 2**63 - 1

COLUMNS = (
    gettext_lazy("State"),
    gettext_lazy("Seen"),
    gettext_lazy("New"),
    gettext_lazy("Changed"),
    gettext_lazy("Gone"),
    gettext_lazy("Size"),
    gettext_lazy("Took"),
)
"""Of the table of records, beside the instance."""

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
        live = self.admin_site.admin_view(require_POST(self.live_view))
        return [
            path("<path:object_id>/live/", live, name="estate_syncsession_live"),
            *super().get_urls(),
        ]

    @method_decorator(gzip_page)
    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To `{"pending": [ids], "running": [ids]}`, the records that the page shows so: the parts
        of the page about all of them, how many have failed, and the cells of those that are
        something else by now.
        What is settled does not change any more, so that nobody asks for it."""
        session = self.get_object(request, unquote(object_id))
        if session is None:
            raise Http404
        if not self.has_view_permission(request, session):
            raise PermissionDenied
        known = _known(request.body)
        state = state_of(session)
        changed = session.records.filter(_is_other_than(known))
        return JsonResponse(
            {
                "failed": state["failed"],
                "parts": render_to_string("admin/estate/syncsession/live.html", state, request),
                "rows": {one.pk: {"status": one.status, "cells": cells_of(one)} for one in changed},
            }
        )

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
            context.update(state_of(obj), page_words=page_words())
            context.update(records_of(request, obj, of=context["all"]), columns=COLUMNS)
            context.update(title=str(obj), subtitle=None, execution=execution_of(request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)


def state_of(session: SyncSession) -> dict[str, Any]:
    """What is said of all records, until the verdict. One statement."""
    counts = session.records.aggregate(
        all=Count("pk"),
        **{status: Count("pk", filter=Q(status=status)) for status in RecordStatus.values},
    )
    settled = counts["all"] - counts[RecordStatus.PENDING] - counts[RecordStatus.RUNNING]
    ended_at = session.finished_at or django_timezone.now()
    return {
        "original": session,
        "is_running": session.status == SessionStatus.RUNNING,
        "badge": status_badge(session),
        "sentence": _sentence(counts),
        "settled": settled,
        "all": counts["all"],
        "failed": counts[RecordStatus.FAILED],
        "asked_by": asked_by(session),
        "started": moment(session.started_at),
        "finished": moment(session.finished_at),
        "took": duration((ended_at - session.started_at).total_seconds()),
        "total": size_of(session.totals),
    }


def records_of(request: HttpRequest, session: SyncSession, *, of: int) -> dict[str, Any]:
    """The rows of its table. One statement."""
    is_linked = may_see(request, DatabaseInstance)
    records = session.records.order_by(RANK, "instance_name")[:MOST_RECORDS]
    return {
        "records": [_shown(record, is_linked=is_linked) for record in records],
        "left_out": max(of - MOST_RECORDS, 0),
    }


def cells_of(record: SyncRecord) -> list[SafeString]:
    """What stands of a record under each of COLUMNS."""
    counts = (
        record.items_seen,
        record.items_created,
        record.items_updated,
        record.items_removed,
    )
    return [
        lines(status_badge(record), record.error),
        *(format_html("{}", count) for count in counts),
        format_html("{}", size_of(record.details.get("totals", {}))),
        format_html("{}", duration(record.seconds) or EMPTY),
    ]


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
        "id": record.pk,
        "status": record.status,
        "name": record.instance_name,
        "url": url if is_there else "",
        "cells": zip(COLUMNS, cells_of(record), strict=True),
    }


def _known(body: bytes) -> dict[str, list[int]]:
    """Ids of records by the status in which they are shown. Raises BadRequest."""
    try:
        asked = json.loads(body)
        known = {str(status): [int(pk) for pk in asked[status]] for status in UNSETTLED}
    except (ValueError, RecursionError, KeyError, TypeError, OverflowError):
        raise BadRequest from None
    ids = [pk for some in known.values() for pk in some]
    if len(ids) > MOST_RECORDS or not all(0 < pk <= LARGEST_ID for pk in ids):
        raise BadRequest
    return known


def _is_other_than(known: Mapping[str, Sequence[int]]) -> Q:
    found = Q(pk__in=[])
    for status, ids in known.items():
        found |= Q(pk__in=ids) & ~Q(status=status)
    return found
