"""Instances as the API shows them, and what may be sent of them. No password is ever shown."""

from __future__ import annotations

from typing import Any, TypedDict

from rest_framework import serializers

from jobs.api.shown import Moment
from jobs.api.strict import MAX_ID, Choice, Flag, Strict, Text, Whole
from jobs.estate.models import DatabaseInstance, TlsMode
from jobs.estate.models.instance import MAX_TIMEOUT_S

MAX_CA = 200_000
MAX_TAGS = 100


class LastVisit(TypedDict):
    status: str
    category: str
    error: str
    seconds: float | None


class InstanceSerializer(serializers.Serializer[Any]):
    """`last_visit` is the last that a sync made; null before the first."""

    model = DatabaseInstance

    id = serializers.IntegerField()
    name = serializers.CharField()
    engine = serializers.CharField()
    host = serializers.CharField()
    port = serializers.IntegerField()
    username = serializers.CharField()
    has_password = serializers.BooleanField()
    database = serializers.CharField()
    tls_mode = serializers.CharField()
    ca = serializers.CharField()
    connect_timeout_s = serializers.IntegerField()
    statement_timeout_s = serializers.IntegerField()
    timezone = serializers.CharField()
    size_limit_bytes = serializers.IntegerField()
    change_username = serializers.CharField()
    has_change_password = serializers.SerializerMethodField()
    tags = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    created_at = Moment()
    updated_at = Moment()
    version = serializers.CharField(allow_null=True)
    database_count = serializers.IntegerField()
    latest_total_bytes = serializers.IntegerField(source="latest_total", allow_null=True)
    last_visit = serializers.SerializerMethodField()

    def get_has_change_password(self, instance: Any) -> bool:
        return bool(instance.change_password_encrypted)

    def get_last_visit(self, instance: Any) -> LastVisit | None:
        if instance.last_status is None:
            return None
        return LastVisit(
            status=instance.last_status,
            category=instance.last_category,
            error=instance.last_error,
            seconds=instance.last_seconds,
        )


class InstanceBody(Strict):
    """What is absent stays as it is or, of a new instance, as the model has it.

    A password that is absent is kept, and one that is empty is removed.
    """

    name = Text(required=False, max_length=100)
    engine = Text(required=False, max_length=30)
    host = Text(required=False, max_length=255, allow_blank=True)
    port = Whole(required=False, allow_null=True, min_value=1, max_value=65535)
    username = Text(required=False, max_length=100, allow_blank=True)
    password = Text(required=False, max_length=1000, allow_blank=True, trim_whitespace=False)
    database = Text(required=False, max_length=1000, allow_blank=True)
    tls_mode = Choice(TlsMode.choices, required=False)
    ca = Text(required=False, max_length=MAX_CA, allow_blank=True)
    connect_timeout_s = Whole(required=False, min_value=2, max_value=MAX_TIMEOUT_S)
    statement_timeout_s = Whole(required=False, min_value=1, max_value=MAX_TIMEOUT_S)
    timezone = Text(required=False, max_length=64, allow_blank=True)
    size_limit_bytes = Whole(required=False, allow_null=True, min_value=1, max_value=MAX_ID)
    change_username = Text(required=False, max_length=100, allow_blank=True)
    change_password = Text(required=False, max_length=1000, allow_blank=True, trim_whitespace=False)
    tags = serializers.ListField(required=False, child=Text(max_length=100), max_length=MAX_TAGS)
    is_active = Flag(required=False)


class NewInstanceBody(InstanceBody):
    """What is absent is as the model has it. A server needs host, port and user as well."""

    name = Text(max_length=100)
    engine = Text(max_length=30)
