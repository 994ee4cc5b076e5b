"""Jobs as they stand, with their next run and their last: one statement for a page of them.

Without instances of the models, which were most of what a page of the API cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone as django_timezone

from jobs.executions.database import (
    from_database,
    from_json,
    in_list,
    is_postgresql,
    list_parameter,
)
from jobs.models.job import BUILTIN_IDS, JobState, state_of


class LastExecution(NamedTuple):
    """The newest execution of a job."""

    id: int
    status: str
    started_at: datetime | None
    duration_s: float | None


@dataclass(slots=True)
class JobRow:
    """The columns of a `Job`, and how it stands. Times in UTC."""

    id: str
    name: str
    description: str
    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    trigger_type: str
    trigger_params: dict[str, Any]
    timezone: str
    anchor: datetime
    executor: str
    coalesce: bool | None
    max_instances: int | None
    misfire_grace_time: int | None
    timeout: int | None
    max_retries: int | None
    retry_delay: int | None
    retry_backoff: float | None
    rerun_if_interrupted: bool | None
    is_enabled: bool
    is_paused: bool
    paused_until: datetime | None
    problem: str
    version: int
    created_at: datetime
    updated_at: datetime
    next_run_time: datetime | None
    running: int
    """How many executions hold a slot, or wait for one."""
    last_execution: LastExecution | None
    seen_at: datetime
    """When the database was asked."""
    state: JobState = field(init=False)

    @property
    def is_builtin(self) -> bool:
        return self.id in BUILTIN_IDS

    @property
    def zone_name(self) -> str:
        return self.timezone or django_timezone.get_default_timezone_name()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)


def job_rows(ids: Sequence[str]) -> list[JobRow]:
    """The jobs of these ids that there are, in the order of the ids."""
    with connection.cursor() as cursor:
        cursor.execute(_sql(), [list_parameter(ids)])
        rows = cursor.fetchall()
    seen_at = (from_database(rows[0][-1]) if rows else None) or datetime.now(UTC)
    found = {row[0]: _read(row, seen_at) for row in rows}
    return [found[job_id] for job_id in ids if job_id in found]


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)


_COLUMNS: dict[str, Callable[[Any], Any] | None] = {
    **dict.fromkeys(("id", "name", "description", "function")),
    **dict.fromkeys(("args", "kwargs"), from_json),
    "trigger_type": None,
    "trigger_params": from_json,
    "timezone": None,
    "anchor": from_database,
    "executor": None,
    "coalesce": _flag,
    **dict.fromkeys(("max_instances", "misfire_grace_time", "timeout")),
    **dict.fromkeys(("max_retries", "retry_delay", "retry_backoff")),
    **dict.fromkeys(("rerun_if_interrupted", "is_enabled", "is_paused"), _flag),
    "paused_until": from_database,
    **dict.fromkeys(("problem", "version")),
    **dict.fromkeys(("created_at", "updated_at"), from_database),
}
"""In the order of `JobRow`, and how a raw cursor's value of each is read."""

_READERS = list(_COLUMNS.values())


@cache
def _sql() -> str:
    # As texts, which Python reads in a tenth of the time that Django's reader of moments takes.
    text = "::text" if is_postgresql() else ""
    columns = [
        f"j.{name}{text if read is from_database else ''}" for name, read in _COLUMNS.items()
    ]
    # Not joined, for which PostgreSQL would read the schedules of all jobs.
    schedule = "SELECT s.next_run_time FROM django_apscheduler_djangojob s WHERE s.id = j.id"
    unreleased = "SELECT COUNT(*) FROM jobs_jobexecution e WHERE e.job_id = j.id"
    last = "LEFT JOIN jobs_jobexecution l ON l.id = (SELECT e.id FROM jobs_jobexecution e "
    last += "WHERE e.job_id = j.id ORDER BY e.id DESC LIMIT 1)"
    if is_postgresql():  # the range is what it is in `last_runs`
        last = "LEFT JOIN LATERAL (SELECT e.* FROM jobs_jobexecution e WHERE e.job_id >= j.id "
        last += "AND e.job_id <= j.id ORDER BY e.job_id, e.id DESC LIMIT 1) l ON TRUE"
    return (
        f"SELECT {', '.join(columns)}, ({schedule}){text}, "
        f"({unreleased} AND e.released_at IS NULL), "
        f"l.id, l.status, l.started_at{text}, l.duration_s, "
        f"{'clock_timestamp()::text' if is_postgresql() else 'NULL'} "
        f"FROM jobs_job j {last} WHERE {in_list('j.id', 'varchar')}"
    )


def _read(row: tuple[Any, ...], seen_at: datetime) -> JobRow:
    columns: list[Any] = [
        value if read is None else read(value) for value, read in zip(row, _READERS, strict=False)
    ]
    next_run_time, running, last_id, status, started_at, duration_s, _now = row[len(_READERS) :]
    last = None
    if last_id is not None:
        last = LastExecution(last_id, status, from_database(started_at), duration_s)
    job = JobRow(*columns, *[from_database(next_run_time), running, last, seen_at])
    job.state = state_of(job, seen_at, job.next_run_time)
    return job
