"""The last executions of each of many jobs, in the statement that reads the jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import JSONField
from django.db.models.expressions import RawSQL

from jobs.executions.database import is_postgresql
from jobs.models import Status


@dataclass(frozen=True, slots=True)
class LastRun:
    """As much of an execution as a small picture of it needs; `at` is its start or, if it never
    began, the occurrence."""

    id: int
    status: Status
    at: datetime
    duration_s: float | None
    is_warned: bool
    progress_done: float | None
    progress_total: float | None

    @property
    def ended_at(self) -> datetime:
        return self.at + timedelta(seconds=self.duration_s or 0)


def last_runs(most: int) -> RawSQL:
    """An annotation of `Job`, for `read`; by the index `execution_job_idx`, `most` rows a job.

    It is worked out for every row that is selected, so select few.
    """
    return RawSQL(_SQL_OF_POSTGRESQL if is_postgresql() else _SQL_OF_SQLITE, [most], JSONField())  # noqa: S611  constant SQL


def read(value: Any) -> list[LastRun]:
    """The annotation's value, the newest first."""
    return list(_runs(value or []))


_COLUMNS = """
    e.id, e.status, COALESCE(e.started_at, e.scheduled_for) AS at, e.duration_s,
    CASE WHEN e.warning <> '' THEN 1 ELSE 0 END AS warned, e.progress_done, e.progress_total
"""
# Written as a range, the order begins with the job, and only `execution_job_idx` has it. For an
# equality PostgreSQL may walk back through all executions by their key, in the hope that the
# job's are frequent; of a job that runs once a month it would read the whole history.
_RANGE = 'e.job_id >= "jobs_job"."id" AND e.job_id <= "jobs_job"."id" ORDER BY e.job_id, e.id DESC'
_EQUALITY = 'e.job_id = "jobs_job"."id" ORDER BY e.id DESC'
_ROWS = f"SELECT {_COLUMNS} FROM jobs_jobexecution e WHERE"
_SQL_OF_POSTGRESQL = f"""(
    SELECT jsonb_agg(jsonb_build_array(r.id, r.status, extract(epoch FROM r.at), r.duration_s,
        r.warned, r.progress_done, r.progress_total) ORDER BY r.id DESC)
    FROM ({_ROWS} {_RANGE} LIMIT %s) r
)"""
_SQL_OF_SQLITE = f"""(
    SELECT json_group_array(json_array(r.id, r.status, (julianday(r.at) - 2440587.5) * 86400.0,
        r.duration_s, r.warned, r.progress_done, r.progress_total))
    FROM ({_ROWS} {_EQUALITY} LIMIT %s) r
)"""


def _runs(rows: list[list[Any]]) -> Iterator[LastRun]:
    for key, status, at, duration, warned, done, total in rows:
        if isinstance(at, int | float):  # else it is a moment that only SQL can have written
            moment = datetime.fromtimestamp(at, UTC)
            yield LastRun(key, Status(status), moment, duration, bool(warned), done, total)
