"""How big databases were, day by day."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from jobs.api.filters import Day, Filters, Text
from jobs.api.row import RowList
from jobs.api.shown import Moment
from jobs.estate.api.view import EstateView
from jobs.estate.models import DatabaseSizeSnapshot


class SnapshotSerializer(serializers.Serializer[Any]):
    """Bytes; null is "not known". `day` is the instance's own."""

    model = DatabaseSizeSnapshot

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


class SnapshotFilters(Filters):
    instance = Text("database__instance__name", max_length=100, help_text=_("Its name."))
    database = Text("database__name")
    since = Day("day", "gte", help_text=_("Of that day or later."))
    until = Day("day", "lte", help_text=_("Of that day or earlier."))


class SnapshotList(EstateView, RowList):
    """List how big databases were, day by day."""

    model = DatabaseSizeSnapshot
    filterset = SnapshotFilters
    shown = SnapshotSerializer

    def rows(self) -> QuerySet[Any]:
        return DatabaseSizeSnapshot.objects.select_related("database__instance")
