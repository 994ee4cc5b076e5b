"""What is wrong with partitioned tables."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.filters import Text, Words, YesNo
from jobs.api.row import RowList
from jobs.api.shown import Moment
from jobs.estate.api.view import EstateView, OfInstance, OfInstanceFilters
from jobs.estate.models import FindingKind, PartitionFinding, Severity


class FindingSerializer(OfInstance):
    model = PartitionFinding

    database = serializers.CharField()
    schema = serializers.CharField()
    table = serializers.CharField()
    partition = serializers.CharField()
    kind = serializers.CharField()
    severity = serializers.CharField()
    message = serializers.CharField()
    details = serializers.JSONField()
    first_seen = Moment()
    last_seen = Moment()
    resolved_at = Moment()


class FindingFilters(OfInstanceFilters):
    database = Text("database")
    table = Text("table")
    kind = Words("kind", FindingKind.values)
    severity = Words("severity", Severity.values)
    resolved = YesNo("resolved_at", "isnull", exclude=True)


class FindingList(EstateView, RowList):
    """List what is wrong with partitioned tables."""

    model = PartitionFinding
    filterset = FindingFilters
    shown = FindingSerializer

    def rows(self) -> QuerySet[Any]:
        return PartitionFinding.objects.select_related("instance")
