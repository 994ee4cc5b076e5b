"""What ended in the last two days, by job and verdict: the numbers and the lists of jobs that need
somebody are worked out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import (
    BooleanField,
    CharField,
    Count,
    ExpressionWrapper,
    Max,
    Q,
    Sum,
)
from django.db.models.functions import Cast

from jobs.models import Status
from jobs.models.execution import JobExecutionQuerySet

DAY = timedelta(days=1)

BAD = (Status.FAILED, Status.TIMED_OUT, Status.INTERRUPTED)
"""Verdicts of runs that did not do what they were for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The runs of a job (None: of no job) that ended with one verdict in the last 24 hours, or,
    unless they are `is_recent`, in the 24 before. `timed` of them are known to have taken
    `seconds` together; one row of a run may stand for several occurrences."""

    job_id: str | None
    name: str
    status: str
    is_recent: bool
    runs: int
    occurrences: int
    last_id: int
    timed: int
    seconds: float | None
    longest_s: float | None


def ended(executions: JobExecutionQuerySet, now: datetime) -> list[Ended]:
    """One statement, along the index of ends; some rows a job, however many its runs."""
    is_recent = ExpressionWrapper(Q(finished_at__gte=now - DAY), output_field=BooleanField())
    rows = (
        executions.filter(finished_at__gte=now - 2 * DAY, finished_at__lte=now)
        .order_by()
        .annotate(key=job_key(), is_recent=is_recent)
        .values_list("key", "status", "is_recent")
        .annotate(
            name=Max("job_name"),
            runs=Count("pk"),
            occurrences=Sum("occurrence_count"),
            last_id=Max("pk"),
            timed=Count("duration_s"),
            seconds=Sum("duration_s"),
            longest_s=Max("duration_s"),
        )
    )
    return [
        Ended(key, name, status, is_recent, *counted)
        for key, status, is_recent, name, *counted in rows
    ]


def recent_by_job(rows: Iterable[Ended]) -> dict[str, list[Ended]]:
    """Those of the last 24 hours by the ids of their jobs."""
    found: dict[str, list[Ended]] = {}
    for row in rows:
        if row.is_recent and row.job_id is not None:
            found.setdefault(row.job_id, []).append(row)
    return found


def job_key() -> Cast:
    """What executions of a time are grouped by: the job's id, in a form for which SQLite does not
    read the whole history along its index of jobs to be spared a sort."""
    return Cast("job_id", CharField())
