"""The number that tells the leader that something has changed."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection

from jobs.executions.database import is_postgresql, to_database

CHANNEL = "schedcore_revision"
"""What schedulers LISTEN to on PostgreSQL."""


def bump_revision() -> None:
    """Tell the leader that something has changed; the last write of a transaction."""
    now, values = "clock_timestamp()", []
    if not is_postgresql():
        now, values = "%s", [to_database(datetime.now(UTC))]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO jobs_revision (id, number, changed_at) VALUES (1, 1, {now}) "
            "ON CONFLICT (id) DO UPDATE "
            "SET number = jobs_revision.number + 1, changed_at = excluded.changed_at",
            values,
        )
        if is_postgresql():
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
