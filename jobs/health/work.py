"""What there is to do: the jobs by state, and the runs that have no verdict yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce
from django_apscheduler.models import DjangoJob

from jobs.health.processes import age_s
from jobs.health.shapes import JobsData, QueueData
from jobs.models import Job, JobExecution, JobState, Status

OVERDUE_AFTER = timedelta(seconds=60)

SHOWN = 20
"""Jobs that are listed by id; the counts say how many there are."""


def jobs_data(now: datetime) -> JobsData:
    """One statement, and one each for what is overdue and for what is broken, if anything is."""
    late = DjangoJob.objects.filter(next_run_time__lt=now - OVERDUE_AFTER).values("pk")
    rows = list(
        Job.objects.by_state(now).annotate(
            n=Count("pk"),
            late=Count("pk", filter=Q(pk__in=late)),
        )
    )
    counts = {state: n for state, n, _late in rows}
    overdue_count = sum(n for state, _all, n in rows if state == JobState.SCHEDULED)
    jobs: Any = Job.objects.with_schedule(now)  # django-stubs does not see annotations
    overdue = jobs.filter(pk__in=late, state=JobState.SCHEDULED).order_by("next_run_time")
    broken = jobs.exclude(problem="").filter(state=JobState.BROKEN).order_by("pk")
    is_any_broken = JobState.BROKEN in counts
    return {
        "total": sum(counts.values()),
        "by_state": {state.value: counts.get(state.value, 0) for state in JobState},
        "overdue_count": overdue_count,
        "overdue": _shown(overdue, "id", "name", "next_run_time") if overdue_count else [],
        "broken": _shown(broken, "id", "name", "problem") if is_any_broken else [],
    }


def _shown(jobs: Any, *fields: str) -> list[Any]:
    return list(jobs.values(*fields)[:SHOWN])


def queue_data(now: datetime) -> QueueData:
    ready = Q(status=Status.QUEUED) & (Q(start_after__isnull=True) | Q(start_after__lte=now))
    found = JobExecution.objects.unreleased().aggregate(
        queued=Count("pk", filter=ready),
        waiting_retries=Count("pk", filter=Q(status=Status.QUEUED) & ~ready),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
        lingering=Count("pk", filter=Q(finished_at__isnull=False)),
        oldest=Min(Coalesce("start_after", "queued_at"), filter=ready),
    )
    oldest = found.pop("oldest")
    found["oldest_queued_s"] = age_s(oldest, now) if oldest else None
    return cast(QueueData, found)
