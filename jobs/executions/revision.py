"""The number that tells the leader that something has changed."""

from __future__ import annotations

from django.db import connection

CHANNEL = "schedcore_revision"
"""What schedulers LISTEN to on PostgreSQL."""


def bump_revision() -> None:
    """Tell the leader that something has changed; the last write of a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_revision (id, number) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET number = jobs_revision.number + 1"
        )
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
