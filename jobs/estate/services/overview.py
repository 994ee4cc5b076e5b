"""What a list of instances says of each, in the statement that reads the instances."""

from __future__ import annotations

from django.db.models import (
    BigIntegerField,
    CharField,
    Count,
    DateTimeField,
    IntegerField,
    OuterRef,
    Subquery,
    TextField,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstanceQuerySet
from jobs.estate.models.record import RecordStatus, SyncRecord
from jobs.estate.models.session import Category

VISITED = (RecordStatus.COMPLETED, RecordStatus.FAILED)


def with_overview(instances: DatabaseInstanceQuerySet) -> DatabaseInstanceQuerySet:
    """Annotate `latest_total` (bytes), `database_count` (those that are there, the system's
    included), and of the last visit by a sync `last_status`, `last_error`, `last_category`,
    `last_seconds`, `last_at` and `last_session`, of the last that measured it `version`. Null
    where there was none. To add up what is known already is no visit."""
    records = SyncRecord.objects.filter(instance=OuterRef("pk")).order_by("-pk")
    last = records.filter(status__in=VISITED).exclude(session__category=Category.AGGREGATION)
    measured = records.filter(
        status=RecordStatus.COMPLETED, session__category=Category.CAPACITY
    ).annotate(server_version=KeyTextTransform("version", "details"))
    counts = (
        Database.objects.present()
        .filter(instance=OuterRef("pk"))
        .order_by()
        .values("instance")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return instances.with_latest_total().annotate(
        database_count=Coalesce(Subquery(counts, output_field=IntegerField()), 0),
        last_status=Subquery(last.values("status")[:1]),
        last_error=Subquery(last.values("error")[:1]),
        last_category=Subquery(last.values("session__category")[:1], output_field=CharField()),
        last_seconds=Subquery(last.values("seconds")[:1]),
        last_at=Subquery(last.values("session__started_at")[:1], output_field=DateTimeField()),
        last_session=Subquery(last.values("session_id")[:1], output_field=BigIntegerField()),
        version=Subquery(measured.values("server_version")[:1], output_field=TextField()),
    )
