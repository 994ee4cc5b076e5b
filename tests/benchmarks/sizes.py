"""Fills a database with the sizes of many databases, and aggregates them.

A process of its own; prints what it found as JSON. While it aggregates, somebody else writes
every 20 ms and notes how long that takes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

from tests.benchmarks import statements

INSTANCES = 10
TODAY = date(2026, 4, 6)
YEAR = timedelta(days=365)


def main(databases: int, days: int) -> None:
    is_postgresql = os.environ["DATABASE_URL"].startswith("postgres")
    if is_postgresql:
        statements.count_psycopg()
    import django

    django.setup()
    if not is_postgresql:
        statements.count_django()
    fill(databases, days)
    found: dict[str, float] = {}
    for name, since in (
        ("default", None),
        ("again", None),
        ("year", TODAY - YEAR),
        ("year_again", TODAY - YEAR),
    ):
        before, began = statements.counts()["statements"], time.monotonic()
        with somebody_writing() as waits_s:
            found[f"{name}_rows"] = aggregate(since)
        found[f"{name}_s"] = time.monotonic() - began
        found[f"{name}_statements"] = statements.counts()["statements"] - before - len(waits_s)
        found[f"{name}_wait_s"] = max(waits_s)
    sys.stdout.write(json.dumps(found))


def fill(databases: int, days: int) -> None:
    """Snapshots come as they do in life: day by day, a row for each database."""
    from django.db import connection, transaction

    from jobs.estate.models import Database, DatabaseInstance

    seen = datetime(2025, 1, 1, tzinfo=UTC)
    instances = DatabaseInstance.objects.bulk_create(
        DatabaseInstance(name=f"instance {number}", engine="postgresql", host="db", port=1)
        for number in range(INSTANCES)
    )
    Database.objects.bulk_create(
        (
            Database(
                instance=instances[number % INSTANCES],
                name=f"database {number}",
                first_seen=seen,
                last_seen=seen,
            )
            for number in range(databases)
        ),
        batch_size=5000,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        for number in range(days, 0, -1):
            day = TODAY - timedelta(days=number)
            cursor.execute(
                "INSERT INTO estate_databasesizesnapshot (database_id, day, taken_at, total_bytes) "
                "SELECT id, %s, %s, 8192 * (id * 1000 + (id * 7919 + %s * 31) %% 977) "
                "FROM estate_database",
                [str(day), f"{day} 03:00:00+00", number],
            )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE written (at double precision)")
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")  # as its daemon does sooner or later


def aggregate(since: date | None) -> int:
    """Without `since` as the job does by default, else every day from then on."""
    from jobs.estate.models import PeriodKind
    from jobs.estate.services.aggregates import Wanted, aggregate_sizes

    wanted = Wanted() if since is None else Wanted(PeriodKind.DAILY, since=since)
    now = datetime(TODAY.year, TODAY.month, TODAY.day, 4, tzinfo=UTC)
    return sum(written.rows for written in aggregate_sizes(wanted, now=now).kinds)


@contextmanager
def somebody_writing() -> Iterator[list[float]]:
    """Yields what each write has taken, in seconds; complete at the end."""
    waits_s: list[float] = []
    end = Event()
    thread = Thread(target=_write, args=(waits_s, end))
    thread.start()
    try:
        yield waits_s
    finally:
        end.set()
        thread.join()


def _write(waits_s: list[float], end: Event) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        while not waits_s or not end.wait(0.02):
            began = time.monotonic()
            cursor.execute("INSERT INTO written VALUES (%s)", [began])
            waits_s.append(time.monotonic() - began)
    connection.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
