"""Puts old executions into the database of a trial, beside its scheduler; a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

BATCH = 5000
JOBS = 200
LONGEST_LOG = 5000

COLUMNS = {
    "job_id": "varchar",
    "job_name": "varchar",
    "function": "varchar",
    "args": "jsonb",
    "kwargs": "jsonb",
    "executor": "varchar",
    "timeout_s": "integer",
    "source": "varchar",
    "status": "varchar",
    "scheduled_for": "timestamptz",
    "occurrence_count": "integer",
    "is_count_capped": "boolean",
    "queued_at": "timestamptz",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "released_at": "timestamptz",
    "duration_s": "double precision",
    "reason": "text",
}
LINE_COLUMNS = {
    "execution_id": "bigint",
    "at": "timestamptz",
    "level": "smallint",
    "logger": "varchar",
    "message": "text",
}


def main(count: int) -> None:
    import django

    django.setup()
    from django.db import connection, transaction

    from jobs.executions.database import insert_rows, is_postgresql, to_database

    since = datetime.now(UTC) - timedelta(days=200)
    moments = (to_database(since + timedelta(seconds=number)) for number in range(count))
    executions = (_execution(number, moment) for number, moment in enumerate(moments))
    while rows := list(islice(executions, BATCH)):
        with transaction.atomic(), connection.cursor() as cursor:
            insert_rows(cursor, "jobs_jobexecution", COLUMNS, rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT MIN(id) FROM jobs_jobexecution WHERE function = 'send_report'")
        (first,) = cursor.fetchone()
    lines = _lines(first, count, to_database(since))
    while rows := list(islice(lines, BATCH)):
        with transaction.atomic(), connection.cursor() as cursor:
            insert_rows(cursor, "jobs_executionlog", LINE_COLUMNS, rows)
    with connection.cursor() as cursor:
        # As the server does by itself, some time after so much has been written.
        cursor.execute("ANALYZE" if is_postgresql() else "PRAGMA wal_checkpoint(TRUNCATE)")


def _execution(number: int, moment: Any) -> tuple[Any, ...]:
    job_id = f"old-{number % JOBS}"
    return (
        *(job_id, job_id, "send_report", "[]", "{}", "threads", 0, "schedule", "succeeded"),
        *(moment, 1, False, moment, moment, moment, moment, 0.1, ""),
    )


def _lines(first: int, count: int, moment: Any) -> Iterator[tuple[Any, ...]]:
    """Two for every tenth execution, and thousands for one in twenty thousand.

    Their keys may have gaps, where the scheduler has written meanwhile; some lines are nobody's.
    """
    for number in range(0, count, 10):
        lines = LONGEST_LOG if number % 20_000 == 0 else 2
        for line in range(lines):
            yield first + number, moment, 20, "reports", f"Line {line} of what it had to say."


if __name__ == "__main__":
    main(int(sys.argv[1]))
