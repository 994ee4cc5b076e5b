"""How big databases and instances were over whole periods."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from jobs.api.filters import AnyOf, Day, Text, Words
from jobs.api.row import RowList
from jobs.api.shown import Moment
from jobs.estate.api.view import EstateView, OfInstance, OfInstanceFilters
from jobs.estate.models import PeriodKind, SizeAggregate


class AggregateSerializer(OfInstance):
    """`database` is null in the aggregates of whole instances."""

    model = SizeAggregate

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


class AggregateFilters(OfInstanceFilters):
    database = Text("database__name")
    level = AnyOf(["instance", "database"], lambda level: Q(database__isnull=level == "instance"))
    kind = Words("kind", PeriodKind.values)
    since = Day("starts_on", "gte", help_text=_("Periods that begin then or later."))
    until = Day("starts_on", "lte", help_text=_("Periods that begin then or earlier."))


class AggregateList(EstateView, RowList):
    """List how big databases and instances were over days, weeks, months and quarters."""

    model = SizeAggregate
    filterset = AggregateFilters
    shown = AggregateSerializer

    def rows(self) -> QuerySet[Any]:
        return SizeAggregate.objects.select_related("instance", "database")
