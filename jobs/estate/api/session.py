"""Passes of syncs, and what became of each instance in them."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from jobs.api.filters import Filters, Id, Text, Words
from jobs.api.row import RowDetail, RowList
from jobs.api.shown import Moment
from jobs.estate.api.view import EstateView
from jobs.estate.models import Category, SessionStatus, Source, SyncRecord, SyncSession


class SessionSerializer(serializers.Serializer[Any]):
    model = SyncSession

    id = serializers.IntegerField()
    category = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field, as all here
    requested_by = serializers.CharField()
    status = serializers.CharField()
    started_at = Moment()
    finished_at = Moment()
    instances_total = serializers.IntegerField()
    instances_completed = serializers.IntegerField()
    instances_failed = serializers.IntegerField()
    totals = serializers.JSONField()
    error = serializers.CharField()
    execution_id = serializers.IntegerField()


class RecordSerializer(serializers.Serializer[Any]):
    """`instance_id` is null where the instance has been deleted since."""

    model = SyncRecord

    id = serializers.IntegerField()
    instance_id = serializers.IntegerField()
    instance = serializers.CharField(source="instance_name")
    status = serializers.CharField()
    items_seen = serializers.IntegerField()
    items_created = serializers.IntegerField()
    items_updated = serializers.IntegerField()
    items_removed = serializers.IntegerField()
    seconds = serializers.FloatField()
    error = serializers.CharField()
    details = serializers.JSONField()


class SessionDetailSerializer(SessionSerializer):
    records = RecordSerializer(many=True)


class Visited(Text):
    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        records = SyncRecord.objects.filter(session=OuterRef("pk"), instance_name=value)
        return qs.filter(Exists(records))


class SessionFilters(Filters):
    instance = Visited("records", max_length=100, help_text=_("The name of one that was visited."))
    category = Words("category", Category.values)
    status = Words("status", SessionStatus.values)
    source = Words("source", Source.values)
    execution = Id("execution_id")


class SessionList(EstateView, RowList):
    """List the passes of syncs."""

    model = SyncSession
    filterset = SessionFilters
    shown = SessionSerializer


class SessionDetail(EstateView, RowDetail):
    """Show one pass of a sync, with a record for each instance."""

    model = SyncSession
    noun = "session"
    shown = SessionDetailSerializer

    def rows(self) -> QuerySet[Any]:
        return SyncSession.objects.prefetch_related("records")
