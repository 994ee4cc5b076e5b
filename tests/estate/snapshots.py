"""Instances with databases whose sizes are known by the day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from jobs.estate.models import Database, DatabaseInstance, DatabaseSizeSnapshot

SEEN = datetime(2026, 1, 1, tzinfo=UTC)


def make_instance(name: str = "main", **fields: Any) -> DatabaseInstance:
    values = {"engine": "fake", "host": name, "port": 1, "username": "watcher", **fields}
    return DatabaseInstance.objects.create(name=name, **values)


def make_database(
    instance: DatabaseInstance,
    name: str = "one",
    sizes: Mapping[date | str, int] | None = None,
    **fields: Any,
) -> Database:
    """With a snapshot of so many bytes on each of the days."""
    database = Database.objects.create(
        instance=instance, name=name, **{"first_seen": SEEN, "last_seen": SEEN, **fields}
    )
    measure(database, sizes or {})
    return database


def measure(database: Database, sizes: Mapping[date | str, int]) -> None:
    days = {
        date.fromisoformat(day) if isinstance(day, str) else day: size
        for day, size in sizes.items()
    }
    DatabaseSizeSnapshot.objects.bulk_create(
        DatabaseSizeSnapshot(
            database=database,
            day=day,
            taken_at=datetime.combine(day, time(3), UTC),
            total_bytes=size,
        )
        for day, size in days.items()
    )
