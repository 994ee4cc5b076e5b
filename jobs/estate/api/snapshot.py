"""How big databases were, day by day."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.execution_serializers import Moment
from jobs.estate.api.view import EstateList, InstancePageQuery
from jobs.estate.models import DatabaseSizeSnapshot


class SnapshotSerializer(serializers.Serializer[Any]):
    """Bytes; null is "not known". `day` is the instance's own."""

    id = serializers.IntegerField()
    instance_id = serializers.IntegerField(source="database.instance_id")
    instance = serializers.CharField(source="database.instance.name")
    database_id = serializers.IntegerField()
    database = serializers.CharField(source="database.name")
    day = serializers.DateField()
    taken_at = Moment()
    total_bytes = serializers.IntegerField()
    data_bytes = serializers.IntegerField()
    index_bytes = serializers.IntegerField()
    wal_bytes = serializers.IntegerField()
    largest_tables = serializers.JSONField()


class SnapshotQuery(InstancePageQuery):
    """Days from `since` to `until`, both included."""

    database = serializers.CharField(required=False, max_length=255)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class SnapshotList(EstateList):
    model = DatabaseSizeSnapshot
    reader = SnapshotQuery
    shown = SnapshotSerializer
    filters = {
        "instance": "database__instance__name",
        "database": "database__name",
        "since": "day__gte",
        "until": "day__lte",
    }

    def rows(self) -> QuerySet[Any]:
        return DatabaseSizeSnapshot.objects.select_related("database__instance")
