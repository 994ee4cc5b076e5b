"""Passes of syncs, and what became of each instance in them."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework import serializers

from jobs.api.execution_serializers import MAX_ID, Moment
from jobs.api.strict import Choice
from jobs.estate.api.view import EstateDetail, EstateList, InstancePageQuery
from jobs.estate.models import Category, SessionStatus, Source, SyncRecord, SyncSession


class SessionSerializer(serializers.Serializer[Any]):
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


class SessionQuery(InstancePageQuery):
    """`instance` is the name of one that was visited."""

    category = Choice(Category.choices, required=False)
    status = Choice(SessionStatus.choices, required=False)
    source = Choice(Source.choices, required=False)  # type: ignore[assignment]  # a field
    execution = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)


def visited(name: str) -> Q:
    records = SyncRecord.objects.filter(session=OuterRef("pk"), instance_name=name)
    return Q(Exists(records))


class SessionList(EstateList):
    model = SyncSession
    reader = SessionQuery
    shown = SessionSerializer
    filters = {
        "instance": visited,
        "category": "category",
        "status": "status",
        "source": "source",
        "execution": "execution_id",
    }


class SessionDetail(EstateDetail):
    model = SyncSession
    noun = "session"
    shown = SessionDetailSerializer

    def rows(self) -> QuerySet[Any]:
        return SyncSession.objects.prefetch_related("records")
