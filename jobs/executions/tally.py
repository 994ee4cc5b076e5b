"""Adding to tallies, in batches.

They are locked in the order of their keys, after everything but the revision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from jobs.executions.database import (
    in_list,
    insert_rows,
    is_postgresql,
    list_parameter,
    to_database,
)
from jobs.models.execution import UNFINISHED, Status
from jobs.models.tally import Tally

COLUMNS = {
    "metric": "varchar",
    "subject": "varchar",
    "label": "varchar",
    "count": "bigint",
    "total": "double precision",
    "last_at": "timestamptz",
}


class Counted(NamedTuple):
    """What is to be added to one tally; `total` in seconds."""

    metric: str
    subject: str
    label: str
    number: int
    total: float
    last_at: datetime | None


def add(cursor: CursorWrapper, counted: Sequence[Counted]) -> None:
    """Add them, in one statement."""
    rows = [(*one[:-1], to_database(one.last_at)) for one in sorted(counted, key=lambda c: c[:3])]
    insert_rows(cursor, "jobs_tally", COLUMNS, rows, suffix=_on_conflict())


def add_verdicts(cursor: CursorWrapper, execution_ids: Sequence[int]) -> None:
    """Count the verdicts of executions as their rows stand; those without one do not count."""
    if not execution_ids:
        return
    unfinished = ", ".join(f"'{status.value}'" for status in UNFINISHED)
    # As Python sorts in `add`, whatever the database's language.
    as_bytes = 'COLLATE "C"' if is_postgresql() else ""
    by_occurrence = f"status IN ('{Status.MISSED.value}', '{Status.SKIPPED.value}')"
    cursor.execute(
        f"INSERT INTO jobs_tally ({', '.join(COLUMNS)}) "
        f"SELECT '{Tally.VERDICT}', COALESCE(job_id, ''), status, "
        f"SUM(CASE WHEN {by_occurrence} THEN occurrence_count ELSE 1 END), 0.0, "
        f"MAX(finished_at) FROM jobs_jobexecution WHERE {in_list('id', 'bigint')} "
        f"AND status NOT IN ({unfinished}) GROUP BY job_id, status "
        f"ORDER BY COALESCE(job_id, '') {as_bytes}, status {as_bytes} {_on_conflict()}",
        [list_parameter(execution_ids)],
    )


def fold_gone(before: datetime, *, limit: int = 1000) -> int:
    """Put the counts of up to `limit` jobs' verdicts together whose jobs have gone and that have
    not grown since `before`; how many. So the table does not grow with every id there ever was,
    and no sum shrinks."""
    verdicts = [status.value for status in Status if status not in UNFINISHED]
    with transaction.atomic(), connection.cursor() as cursor:
        # Locked first, as it is the first by its key.
        add(cursor, [Counted(Tally.VERDICT, "", verdict, 0, 0.0, None) for verdict in verdicts])
        cursor.execute(
            "DELETE FROM jobs_tally WHERE id IN (SELECT id FROM jobs_tally t "
            "WHERE metric = %s AND subject <> '' AND last_at < %s "
            "AND NOT EXISTS (SELECT 1 FROM jobs_job j WHERE j.id = t.subject) "
            "ORDER BY subject, label LIMIT %s) RETURNING label, count",
            [Tally.VERDICT, to_database(before), limit],
        )
        folded = cursor.fetchall()
        sums: Counter[str] = Counter()
        for verdict, number in folded:
            sums[verdict] += number
        add(cursor, [Counted(Tally.VERDICT, "", *item, 0.0, None) for item in sums.items()])
    return len(folded)


def _on_conflict() -> str:
    greatest = "GREATEST" if is_postgresql() else "MAX"
    return (
        "ON CONFLICT (metric, subject, label) DO UPDATE SET "
        "count = jobs_tally.count + excluded.count, total = jobs_tally.total + excluded.total, "
        f"last_at = {greatest}(jobs_tally.last_at, excluded.last_at)"
    )
