"""Jobs as they stand, with their next run and their last: one statement for a page of them.

Without instances of the models, which were most of what a page of the API cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone as django_timezone

from jobs.executions.database import (
    from_database,
    from_json,
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
        sql = _SQL_OF_POSTGRESQL if is_postgresql() else _SQL_OF_SQLITE
        cursor.execute(sql, [list_parameter(ids)])
        found = {row[0]: _read(row) for row in cursor.fetchall()}
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
_SELECT = (
    f"SELECT {', '.join(f'j.{name}' for name in _COLUMNS)}, s.next_run_time, "
    "(SELECT COUNT(*) FROM jobs_jobexecution e WHERE e.job_id = j.id AND e.released_at IS NULL), "
    "l.id, l.status, l.started_at, l.duration_s"
)
_FROM = "FROM jobs_job j LEFT JOIN django_apscheduler_djangojob s ON s.id = j.id LEFT JOIN"
# The range is for PostgreSQL what it is in `last_runs`.
_SQL_OF_POSTGRESQL = f"""{_SELECT}, clock_timestamp() {_FROM} LATERAL (
    SELECT e.id, e.status, e.started_at, e.duration_s FROM jobs_jobexecution e
    WHERE e.job_id >= j.id AND e.job_id <= j.id ORDER BY e.job_id, e.id DESC LIMIT 1
) l ON TRUE WHERE j.id = ANY(%s::varchar[])"""
_SQL_OF_SQLITE = f"""{_SELECT}, NULL {_FROM} jobs_jobexecution l ON l.id = (
    SELECT e.id FROM jobs_jobexecution e WHERE e.job_id = j.id ORDER BY e.id DESC LIMIT 1
) WHERE j.id IN (SELECT value FROM json_each(%s))"""


def _read(row: tuple[Any, ...]) -> JobRow:
    columns: list[Any] = [
        value if read is None else read(value) for value, read in zip(row, _READERS, strict=False)
    ]
    next_run_time, running, last_id, status, started_at, duration_s, now = row[len(_READERS) :]
    last = None
    if last_id is not None:
        last = LastExecution(last_id, status, from_database(started_at), duration_s)
    seen_at = from_database(now) or datetime.now(UTC)
    job = JobRow(*columns, *[from_database(next_run_time), running, last, seen_at])
    job.state = state_of(job, seen_at, job.next_run_time)
    return job
