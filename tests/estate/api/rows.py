"""One row, or many, of everything that the lists of the estate show."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from django.utils import timezone

from jobs.estate.models import (
    Account,
    AccountChange,
    Database,
    DatabaseInstance,
    DatabaseSizeSnapshot,
    PartitionFinding,
    PartitionPolicy,
    SizeAggregate,
    SyncRecord,
    SyncSession,
)

_numbers = count(1)
STATE = {
    "never_expires": None,
    "attributes": {},
    "memberships": [],
    "grants": [],
    "unread": [],
    "unknown": [],
}


def make_estate(name: str = "") -> DatabaseInstance:
    """An instance with a row of each noun."""
    now = timezone.now()
    name = name or f"instance {next(_numbers)}"
    instance = DatabaseInstance.objects.create(
        name=name, engine="postgresql", host="db.example", port=5432, username="watcher"
    )
    database = Database.objects.create(
        instance=instance, name="shop", first_seen=now, last_seen=now
    )
    DatabaseSizeSnapshot.objects.create(
        database=database, day=now.date(), taken_at=now, total_bytes=1536
    )
    for of in (database, None):
        SizeAggregate.objects.create(
            instance=instance,
            database=of,
            kind="daily",
            starts_on=now.date() - timedelta(days=1),
            ends_on=now.date() - timedelta(days=1),
            samples=1,
            average_bytes=1,
            minimum_bytes=1,
            maximum_bytes=1,
            first_bytes=1,
            last_bytes=1,
            computed_at=now,
        )
    session = SyncSession.objects.create(
        category="capacity",
        source="manual",
        status="completed",
        started_at=now,
        finished_at=now,
        execution_id=4711,
    )
    SyncRecord.objects.create(
        session=session,
        instance=instance,
        instance_name=name,
        status="completed",
        seconds=0.5,
        details={"version": "15.4", "totals": {"total_bytes": 1536}},
    )
    account = Account.objects.create(
        instance=instance,
        name="ana",
        state=STATE,
        raw={"rolname": "ana"},
        flags=["superuser"],
        is_superuser=True,
        first_seen=now,
        last_seen=now,
    )
    AccountChange.objects.create(
        account=account,
        instance=instance,
        session=session,
        at=now,
        kind="changed",
        difference={"is_superuser": {"before": False, "after": True}},
        flags=["superuser"],
    )
    PartitionFinding.objects.create(
        instance=instance,
        database="shop",
        table="orders",
        kind="gap",
        severity="warning",
        message="There is a gap.",
        first_seen=now,
        last_seen=now,
    )
    PartitionPolicy.objects.create(
        instance=instance, database="shop", schema="public", table="orders", interval="month"
    )
    return instance
