"""The inventory of databases."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from jobs.api.execution_serializers import Moment
from jobs.estate.api.view import EstateList, InstancePageQuery, OfInstance, is_null
from jobs.estate.models import Database


class DatabaseSerializer(OfInstance):
    name = serializers.CharField()
    is_system = serializers.BooleanField()
    first_seen = Moment()
    last_seen = Moment()
    dropped_at = Moment()
    size_limit_bytes = serializers.IntegerField()


class DatabaseQuery(InstancePageQuery):
    name = serializers.CharField(required=False, max_length=255)
    is_system = serializers.BooleanField(required=False)
    dropped = serializers.BooleanField(required=False)


class DatabaseList(EstateList):
    model = Database
    reader = DatabaseQuery
    shown = DatabaseSerializer
    filters = {
        "instance": "instance__name",
        "name": "name",
        "is_system": "is_system",
        "dropped": is_null("dropped_at"),
    }

    def rows(self) -> QuerySet[Any]:
        return Database.objects.select_related("instance")
