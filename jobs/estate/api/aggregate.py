"""How big databases and instances were over whole periods."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers

from jobs.api.execution_serializers import Moment
from jobs.api.strict import Choice
from jobs.estate.api.view import EstateList, InstancePageQuery, OfInstance
from jobs.estate.models import PeriodKind, SizeAggregate


class AggregateSerializer(OfInstance):
    """`database` is null in the aggregates of whole instances."""

    database_id = serializers.IntegerField()
    database = serializers.CharField(source="database.name", default=None)
    kind = serializers.CharField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    samples = serializers.IntegerField()
    average_bytes = serializers.IntegerField()
    minimum_bytes = serializers.IntegerField()
    maximum_bytes = serializers.IntegerField()
    first_bytes = serializers.IntegerField()
    last_bytes = serializers.IntegerField()
    change_bytes = serializers.IntegerField()
    change_percent = serializers.FloatField()
    trend_bytes_per_day = serializers.FloatField()
    computed_at = Moment()


class AggregateQuery(InstancePageQuery):
    """Periods that begin from `since` to `until`, both included."""

    database = serializers.CharField(required=False, max_length=255)
    level = Choice(["instance", "database"], required=False)
    kind = Choice(PeriodKind.choices, required=False)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class AggregateList(EstateList):
    model = SizeAggregate
    reader = AggregateQuery
    shown = AggregateSerializer
    filters = {
        "instance": "instance__name",
        "database": "database__name",
        "level": lambda level: Q(database__isnull=level == "instance"),
        "kind": "kind",
        "since": "starts_on__gte",
        "until": "starts_on__lte",
    }

    def rows(self) -> QuerySet[Any]:
        return SizeAggregate.objects.select_related("instance", "database")
