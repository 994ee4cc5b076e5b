"""The audit: who changed what, and who was refused. Read-only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from jobs.api.definition import Anything
from jobs.api.endpoint import Endpoint
from jobs.api.envelope import Answer
from jobs.api.filters import Filters, Text, Words, YesNo
from jobs.api.filters import Moment as MomentFilter
from jobs.api.page import KeysetMeta
from jobs.api.paging import page_of
from jobs.api.permissions import OnAnyJob
from jobs.api.shown import Moment
from jobs.api.strict import Nothing
from jobs.api.view import Listing
from jobs.models import AuditEvent
from jobs.models.audit import Via

CHUNK = 1000
"""Events that an export holds at a time."""


class AuditEventSerializer(serializers.Serializer[Any]):
    """`job_id` is null where it was about no job. `before` and `after` hold only what differs;
    of a refusal there is neither."""

    model = AuditEvent

    id = serializers.IntegerField()
    at = Moment()
    actor = serializers.CharField()
    via = serializers.CharField()
    token = serializers.CharField()
    address = serializers.CharField()
    action = serializers.CharField()
    job_id = serializers.SerializerMethodField()
    target = serializers.CharField()
    is_refused = serializers.BooleanField()
    message = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()

    def get_job_id(self, event: AuditEvent) -> str | None:
        return event.job_id or None


class AuditFilters(Filters):
    job = Text("job_id", max_length=100, help_text=_("The id of the job."))
    actor = Text("actor", max_length=150, help_text=_("Who it was, by user name."))
    via = Words("via", Via.values)
    token = Text("token", max_length=100, help_text=_("The name of an API token."))
    action = Text("action", max_length=50, help_text=_("What was done, as in job.pause."))
    target = Text("target", max_length=200)
    is_refused = YesNo("is_refused")
    since = MomentFilter("at", "gte", help_text=_("Then or later."))
    until = MomentFilter("at", "lte", help_text=_("Then or earlier."))


class AuditScoped(Listing):
    """Who manages one job sees the events of that one."""

    permission_classes = [IsAuthenticated, OnAnyJob]
    rights = {"GET": "manage_job"}
    filterset = AuditFilters

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.visible_to(self.request.user)


class AuditList(AuditScoped):
    @Endpoint(query="paging", filters="filterset", shows=[AuditEventSerializer], meta=KeysetMeta)
    def get(self, request: Request) -> Answer:
        """List who changed what, the newest first."""
        rows, query = self.filtered(self.get_queryset())
        page, meta = page_of(rows, query)
        return Answer(AuditEventSerializer(page, many=True).data, meta=meta)


class AuditExport(AuditScoped):
    content_negotiation_class = Anything
    paging = Nothing

    @Endpoint(
        query="paging", filters="filterset", content={"application/x-ndjson": {"type": "string"}}
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Export the audit as JSON lines, the oldest first."""
        rows, _query = self.filtered(self.get_queryset())
        return StreamingHttpResponse(
            _lines(rows.order_by("pk")),
            content_type="application/x-ndjson; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit.jsonl"'},
        )


def _lines(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    """Page by page, so that neither memory nor a transaction grows with the audit."""
    last = 0
    while page := list(rows.filter(pk__gt=last)[:CHUNK]):
        last = page[-1].pk
        for shown in AuditEventSerializer(page, many=True).data:
            yield json.dumps(shown, cls=JSONEncoder, ensure_ascii=False) + "\n"
