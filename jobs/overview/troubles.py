"""Jobs that need somebody: failing, slow, or without a success for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Avg, Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Left

from jobs.models import Job, Status
from jobs.models.execution import UNFINISHED, UNSUCCESSFUL, JobExecution, JobExecutionQuerySet
from jobs.models.job import JobQuerySet
from jobs.overview.numbers import BAD, job_key

MOST_LISTED = 8
MOST_LOOKED_AT = 200
MOST_OF_AN_ERROR = 300
"""Characters."""


@dataclass(frozen=True, slots=True)
class Failing:
    """`last` is its last bad run: only its id, verdict, reason and the beginning of its error are
    loaded, this as `error_start`. `is_over` if it has succeeded since."""

    job_id: str
    name: str
    runs: int
    bad: int
    is_over: bool
    last: Any


@dataclass(frozen=True, slots=True)
class Slow:
    """Seconds; `longest_id` is not known to the database without reading all of them, so the
    page leads to the job."""

    job_id: str
    name: str
    runs: int
    usual_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job whose last run was no success; `since` is its last success, None if it had none."""

    job_id: str
    name: str
    since: datetime | None
    last_status: str


def failing(executions: JobExecutionQuerySet, since: datetime) -> list[Failing]:
    """Those that still fail first, the most failures first. Two statements."""
    bad = Q(status__in=BAD)
    found = (
        _by_job(executions, since)
        .annotate(
            bad=Count("pk", filter=bad),
            last_bad=Max("pk", filter=bad),
            last_good=Max("pk", filter=Q(status=Status.SUCCEEDED)),
        )
        .filter(bad__gt=0)
        .order_by("-bad", "key")
    )
    rows = sorted(
        found[:MOST_LOOKED_AT],
        key=lambda row: ((row["last_good"] or 0) > row["last_bad"], -row["bad"]),
    )[:MOST_LISTED]
    last = {
        execution.pk: execution
        for execution in JobExecution.objects.filter(pk__in=[row["last_bad"] for row in rows])
        .only("status", "reason", "job_name", "finished_at")
        .annotate(error_start=Left("error", MOST_OF_AN_ERROR))
    }
    return [
        Failing(
            job_id=row["key"],
            name=row["name"],
            runs=row["runs"],
            bad=row["bad"],
            is_over=(row["last_good"] or 0) > row["last_bad"],
            last=last[row["last_bad"]],
        )
        for row in rows
        if row["last_bad"] in last  # else the retention has just taken it away
    ]


def slowest(executions: JobExecutionQuerySet, since: datetime) -> list[Slow]:
    """By their longest run. One statement."""
    rows = (
        _by_job(executions.filter(duration_s__isnull=False), since)
        .annotate(usual=Avg("duration_s"), longest=Max("duration_s"))
        .order_by("-longest", "key")[:MOST_LISTED]
    )
    return [
        Slow(row["key"], row["name"], row["runs"], row["usual"], row["longest"]) for row in rows
    ]


def longest_since_success(jobs: JobQuerySet, now: datetime) -> list[Waiting]:
    """Of the jobs that are switched on, those whose last verdict is not a success: a job that
    runs once a year and succeeded last year is as it should be. One statement.

    Along the index of each job's executions, which it reads back to its last success.
    """
    own = JobExecution.objects.filter(job_id=OuterRef("pk")).order_by("-pk")
    last = own.exclude(status__in=UNFINISHED).values("status")[:1]
    success = own.filter(status=Status.SUCCEEDED).values("finished_at")[:1]
    rows = (
        jobs.filter(is_enabled=True)
        .exclude(Job.paused_condition(now))
        .annotate(last_status=Subquery(last))
        .filter(last_status__in=UNSUCCESSFUL)
        .annotate(last_success=Subquery(success))
        .order_by(F("last_success").asc(nulls_first=True), "pk")
    )
    fields: Sequence[str] = ("pk", "name", "last_success", "last_status")
    return [Waiting(*row) for row in rows.values_list(*fields)[:MOST_LISTED]]


def _by_job(executions: JobExecutionQuerySet, since: datetime) -> Any:
    """Rows of `key` (the job's id), `name` and `runs`."""
    ended = executions.filter(finished_at__gte=since, job_id__isnull=False).order_by()
    return ended.values(key=job_key()).annotate(name=Max("job_name"), runs=Count("pk"))
