"""What tests ask of a job, and how they wait for what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django_apscheduler.models import DjangoJob

from jobs.control import execution as control
from jobs.executions.revision import bump_revision
from jobs.models import Job, JobExecution
from tests.factories import ACTOR
from tests.waiting import until


def run(job: Job, **options: Any) -> JobExecution:
    """Ask for a run now."""
    return control.run_now(job.pk, actor=ACTOR, **options)


def finished(execution: JobExecution) -> JobExecution:
    """The execution, once it has its verdict."""

    def look() -> bool:
        execution.refresh_from_db()
        return execution.is_finished

    until(look)
    return execution


def make_due(*job_ids: str, ago_s: float = 0.0) -> datetime:
    """Put the jobs' next runs to a moment that has come, and tell the leader."""
    moment = datetime.now(UTC) - timedelta(seconds=ago_s)
    with transaction.atomic():
        DjangoJob.objects.filter(pk__in=job_ids).update(next_run_time=moment)
        bump_revision()
    return moment
