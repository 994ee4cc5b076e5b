"""What is wrong with partitioned tables."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.execution_serializers import Moment
from jobs.api.strict import Choice
from jobs.estate.api.view import EstateList, InstancePageQuery, OfInstance, is_null
from jobs.estate.models import FindingKind, PartitionFinding, Severity


class FindingSerializer(OfInstance):
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


class FindingQuery(InstancePageQuery):
    database = serializers.CharField(required=False, max_length=255)
    table = serializers.CharField(required=False, max_length=255)
    kind = Choice(FindingKind.choices, required=False)
    severity = Choice(Severity.choices, required=False)
    resolved = serializers.BooleanField(required=False)


class FindingList(EstateList):
    model = PartitionFinding
    reader = FindingQuery
    shown = FindingSerializer
    filters = {
        "instance": "instance__name",
        "database": "database",
        "table": "table",
        "kind": "kind",
        "severity": "severity",
        "resolved": is_null("resolved_at"),
    }

    def rows(self) -> QuerySet[Any]:
        return PartitionFinding.objects.select_related("instance")
