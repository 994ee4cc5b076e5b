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

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.utils import timezone as django_timezone

from jobs.executions.database import (
    from_database,
    from_json,
    in_list,
    is_postgresql,
    list_parameter,
)
from jobs.models.job import BUILTIN_IDS, JobQuerySet, JobState, state_of
from jobs.triggers import describer


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
    zone_name: str
    trigger_text: str
    """When it is due, in words."""
    state: JobState = field(init=False)

    def __post_init__(self) -> None:
        self.state = state_of(self, self.seen_at, self.next_run_time)

    @property
    def is_builtin(self) -> bool:
        return self.id in BUILTIN_IDS

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)


def job_rows(ids: Sequence[str]) -> list[JobRow]:
    """The jobs of these ids that there are, in the order of the ids."""
    columns, joins = _sql()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM jobs_job j {joins} WHERE {in_list('j.id', 'varchar')}",
            [list_parameter(ids)],
        )
        found = {row.id: row for row in _read(cursor.fetchall())}
    return [found[job_id] for job_id in ids if job_id in found]


def page_of_jobs(jobs: JobQuerySet, *, offset: int, limit: int) -> tuple[list[JobRow], int]:
    """So many of the ordered `jobs` after the first `offset`, and how many there are in all."""
    try:
        all_sql, all_params = jobs.order_by().values("id").query.sql_with_params()
        page = jobs.values("id")[offset : offset + limit]
        page_sql, page_params = page.query.sql_with_params()
    except EmptyResultSet:
        return [], 0
    columns, joins = _sql()
    with connection.cursor() as cursor:
        # The page is chosen first, so that no more is looked up of those before it.
        cursor.execute(
            f"SELECT {columns}, (SELECT COUNT(*) FROM ({all_sql}) every) "
            f"FROM (SELECT chosen.id, ROW_NUMBER() OVER () AS place FROM ({page_sql}) chosen) page "
            f"JOIN jobs_job j ON j.id = page.id {joins} ORDER BY page.place",
            [*all_params, *page_params],
        )
        rows = cursor.fetchall()
    if not rows:
        return [], jobs.count()
    return _read([row[:-1] for row in rows]), rows[0][-1]


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

_READERS = [(place, read) for place, read in enumerate(_COLUMNS.values()) if read]
_KIND, _PARAMS, _ZONE = map(list(_COLUMNS).index, ("trigger_type", "trigger_params", "timezone"))


@cache
def _sql() -> tuple[str, str]:
    """What is selected of jobs `j`, and what is joined for it."""
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
        last = "LEFT JOIN LATERAL (SELECT e.id, e.status, e.started_at, e.duration_s "
        last += "FROM jobs_jobexecution e WHERE e.job_id >= j.id "
        last += "AND e.job_id <= j.id ORDER BY e.job_id, e.id DESC LIMIT 1) l ON TRUE"
    columns += [f"({schedule}){text}", f"({unreleased} AND e.released_at IS NULL)"]
    columns += ["l.id", "l.status", f"l.started_at{text}", "l.duration_s"]
    columns += ["clock_timestamp()::text" if is_postgresql() else "NULL"]
    return ", ".join(columns), last


def _read(rows: Sequence[tuple[Any, ...]]) -> list[JobRow]:
    """The rows of one statement."""
    if not rows:
        return []
    seen_at = from_database(rows[0][-1]) or datetime.now(UTC)
    words_of, default_zone = describer(), django_timezone.get_default_timezone_name()
    found = []
    for row in rows:
        *columns, next_run_time, running, last_id, status, started_at, duration_s, _now = row
        for place, read in _READERS:
            columns[place] = read(columns[place])
        last = None
        if last_id is not None:
            last = LastExecution(last_id, status, from_database(started_at), duration_s)
        zone_name = columns[_ZONE] or default_zone
        words = words_of(columns[_KIND], columns[_PARAMS], zone_name)
        due = from_database(next_run_time)
        found.append(JobRow(*columns, *[due, running, last, seen_at, zone_name, words]))
    return found
