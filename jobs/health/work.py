"""What there is to do: the jobs by state, and the runs that have no verdict yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import Count, Min, Q, QuerySet, Window
from django.db.models.functions import Coalesce
from django_apscheduler.models import DjangoJob

from jobs.health.processes import age_s
from jobs.health.shapes import JobsData, OverdueJob, QueueData
from jobs.models import Job, JobExecution, JobState, Status

OVERDUE_AFTER = timedelta(seconds=60)

LISTED = ("id", "name", "next_run_time")
SHOWN = 20
"""Jobs that are listed by id; the counts say how many there are."""


def jobs_data(now: datetime) -> JobsData:
    jobs: Any = Job.objects.with_schedule(now)  # django-stubs does not see annotations
    counts = Job.objects.count_by_state(now)
    overdue = list(_overdue(jobs, now - OVERDUE_AFTER))
    broken = jobs.exclude(problem="").filter(state=JobState.BROKEN).order_by("pk")
    is_any_broken = JobState.BROKEN in counts
    return {
        "total": sum(counts.values()),
        "by_state": {state.value: counts.get(state.value, 0) for state in JobState},
        "overdue_count": overdue[0].pop("n") if overdue else 0,
        "overdue": cast(list[OverdueJob], [{key: row[key] for key in LISTED} for row in overdue]),
        "broken": list(broken.values("id", "name", "problem")[:SHOWN]) if is_any_broken else [],
    }


def _overdue(jobs: Any, since: datetime) -> QuerySet[Any]:
    """The first, each with the number `n` of all; by the index of the times, as most often there
    is none."""
    late = DjangoJob.objects.filter(next_run_time__lt=since).values("pk")
    found: QuerySet[Any] = jobs.filter(pk__in=late, state=JobState.SCHEDULED)
    return found.order_by("next_run_time").values(*LISTED, n=Window(Count("*")))[:SHOWN]


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
