"""The inventory of databases."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.filters import Text, YesNo
from jobs.api.row import RowList
from jobs.api.shown import Moment
from jobs.estate.api.view import EstateView, OfInstance, OfInstanceFilters
from jobs.estate.models import Database


class DatabaseSerializer(OfInstance):
    model = Database

    name = serializers.CharField()
    is_system = serializers.BooleanField()
    first_seen = Moment()
    last_seen = Moment()
    dropped_at = Moment()
    size_limit_bytes = serializers.IntegerField()


class DatabaseFilters(OfInstanceFilters):
    name = Text("name")
    is_system = YesNo("is_system")
    dropped = YesNo("dropped_at", "isnull", exclude=True)


class DatabaseList(EstateView, RowList):
    """List the databases that were ever seen on instances."""

    model = Database
    filterset = DatabaseFilters
    shown = DatabaseSerializer

    def rows(self) -> QuerySet[Any]:
        return Database.objects.select_related("instance")
