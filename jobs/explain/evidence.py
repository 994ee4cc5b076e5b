"""All that is read for an explanation, by a fixed number of statements, each with an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobs.explain.past import ACTIONS, MOST_EVENTS, Past
from jobs.models import AuditEvent, Job, JobExecution, Source, Status
from jobs.models.execution import JobExecutionQuerySet

HEAVY = ("args", "kwargs", "result", "traceback")
MOST_AHEAD, MOST_BACK, MOST_ASKED, MOST_RUNS = 2, 2, 30, 20


@dataclass(frozen=True)
class Evidence:
    """About one job and a window of time from `since` on, and before `until`."""

    job_id: str
    job: Any
    """As it is now, with its next run; None if there is none."""
    past: Past
    since: datetime
    until: datetime
    now: datetime
    ahead: Sequence[JobExecution] = field(default_factory=list)
    """Rows of the schedule for occurrences from `since` on, the earliest first: the first may
    stand for a stretch that began before."""
    back: Sequence[JobExecution] = field(default_factory=list)
    """Those before it, the latest first."""
    asked: Sequence[JobExecution] = field(default_factory=list)
    """Requests in the window, and retries of the first row ahead."""
    runs: Sequence[JobExecution] = field(default_factory=list)
    """Runs up to the first row ahead, the latest first: what may have held a slot."""

    @property
    def is_known(self) -> bool:
        """Whether there is, or was, any such job."""
        return bool(self.job or self.past.events or self.ahead or self.back or self.asked)


def job_and_past(job_id: str, now: datetime) -> tuple[Any, Past]:
    """Three statements."""
    job = Job.objects.with_next_run().filter(pk=job_id).first()
    events = AuditEvent.objects.filter(job_id=job_id, action__in=ACTIONS, is_refused=False)
    recorded = AuditEvent.objects.filter(at__lt=now).order_by("at").values_list("at", flat=True)
    kept_since = recorded.first() or now
    return job, Past(job_id, job, list(events.order_by("-pk")[:MOST_EVENTS]), kept_since)


def evidence(job: Any, past: Past, since: datetime, until: datetime, now: datetime) -> Evidence:
    """Four statements."""
    # The schedule's own rows are those of the index of `execution_occurrence_once`.
    rows = _rows(past.job_id)
    own = rows.filter(source=Source.SCHEDULE, attempt=1)
    ahead = list(own.filter(scheduled_for__gte=since).order_by("scheduled_for")[:MOST_AHEAD])
    back = list(own.filter(scheduled_for__lt=since).order_by("-scheduled_for")[:MOST_BACK])
    reach = max(ahead[0].scheduled_for, until) if ahead else until
    others = rows.exclude(source=Source.SCHEDULE).filter(scheduled_for__range=(since, reach))
    return Evidence(
        job_id=past.job_id,
        job=job,
        past=past,
        since=since,
        until=until,
        now=now,
        ahead=ahead,
        back=back,
        asked=list(others.order_by("scheduled_for", "pk")[:MOST_ASKED]),
        runs=list(_runs(past.job_id, ahead[0].pk if ahead else None)[:MOST_RUNS]),
    )


def unreleased(job_id: str) -> list[JobExecution]:
    """What holds a slot of the job now, or waits for one; one statement."""
    rows = JobExecution.objects.unreleased().filter(job_id=job_id).defer(*HEAVY)
    return sorted(rows[:MOST_RUNS], key=lambda row: row.pk)


def _rows(job_id: str) -> JobExecutionQuerySet:
    return JobExecution.objects.filter(job_id=job_id).defer(*HEAVY)


def _runs(job_id: str, last: int | None) -> JobExecutionQuerySet:
    """The latest first; up to the execution `last`, if there is one."""
    # As a range, so that PostgreSQL begins with the job and not with the key (`last_runs`).
    rows = JobExecution.objects.filter(job_id__gte=job_id, job_id__lte=job_id)
    if last is not None:
        rows = rows.filter(pk__lte=last)
    runs = rows.exclude(status__in=(Status.SKIPPED, Status.MISSED))
    return runs.defer(*HEAVY).order_by("job_id", "-pk")
