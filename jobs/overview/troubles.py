"""Jobs that need somebody: failing, slow, or without a success for long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Left

from jobs.models import Job, Status
from jobs.models.execution import UNFINISHED, UNSUCCESSFUL, JobExecution
from jobs.models.job import JobQuerySet
from jobs.overview.ended import BAD, Ended, recent_by_job

MOST_LISTED = 8
MOST_OF_AN_ERROR = 300
"""Characters."""


@dataclass(frozen=True, slots=True)
class Failing:
    """`last` is its last bad run, `last_id`: only its verdict, reason and the beginning of its
    error are loaded, this as `error_start`. `is_over` if it has succeeded since."""

    job_id: str
    name: str
    runs: int
    bad: int
    is_over: bool
    last_id: int
    last: Any = None


@dataclass(frozen=True, slots=True)
class Slow:
    """Seconds; which run was the longest is not known without reading all of them, so the page
    leads to the job."""

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


def failing(rows: Iterable[Ended]) -> list[Failing]:
    """Those that still fail first, the most failures first. One statement."""
    found = [
        _failing(job_id, own)
        for job_id, own in recent_by_job(rows).items()
        if any(row.status in BAD for row in own)
    ]
    found.sort(key=lambda one: (one.is_over, -one.bad, one.job_id))
    found = found[:MOST_LISTED]
    runs = (
        JobExecution.objects.filter(pk__in=[one.last_id for one in found])
        .only("status", "reason", "job_name", "finished_at")
        .annotate(error_start=Left("error", MOST_OF_AN_ERROR))
        .in_bulk()
    )
    # What the retention has just taken away is left out.
    return [replace(one, last=runs[one.last_id]) for one in found if one.last_id in runs]


def slowest(rows: Iterable[Ended]) -> list[Slow]:
    """By their longest run."""
    timed = recent_by_job(row for row in rows if row.timed)
    found = [_slow(job_id, own) for job_id, own in timed.items()]
    found.sort(key=lambda one: (-one.longest_s, one.job_id))
    return found[:MOST_LISTED]


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


def _failing(job_id: str, own: Sequence[Ended]) -> Failing:
    bad = [row for row in own if row.status in BAD]
    last_id = max(row.last_id for row in bad)
    return Failing(
        job_id=job_id,
        name=own[0].name,
        runs=sum(row.runs for row in own),
        bad=sum(row.runs for row in bad),
        is_over=any(row.status == Status.SUCCEEDED and row.last_id > last_id for row in own),
        last_id=last_id,
    )


def _slow(job_id: str, own: Sequence[Ended]) -> Slow:
    runs = sum(row.timed for row in own)
    return Slow(
        job_id=job_id,
        name=own[0].name,
        runs=runs,
        usual_s=sum(row.seconds or 0 for row in own) / runs,
        longest_s=max(row.longest_s or 0 for row in own),
    )
