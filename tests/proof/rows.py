"""The job of a story, which is called "job", its rows, and what befalls it."""

from __future__ import annotations

from datetime import UTC, datetime

from django_apscheduler.models import DjangoJob

from jobs.control import job as control
from jobs.models import Job, JobExecution, SchedulerProcess
from tests.factories import ACTOR, make_job
from tests.proof.loop import Loop


def make(job_id: str = "job", **fields: object) -> Job:
    given = {"function": "work", "trigger_type": "interval", "trigger_params": {"hours": 1}}
    return make_job(job_id, **{**given, **fields})


def next_run(job_id: str = "job") -> datetime | None:
    return DjangoJob.objects.get(pk=job_id).next_run_time


def rows(job_id: str = "job") -> list[JobExecution]:
    return list(JobExecution.objects.filter(job_id=job_id).order_by("pk"))


def row(job_id: str = "job") -> JobExecution:
    (found,) = rows(job_id)
    return found


def statuses(job_id: str = "job") -> list[str]:
    return [found.status for found in rows(job_id)]


def pause(job_id: str = "job") -> Job:
    return control.pause(job_id, actor=ACTOR)


def delete(job_id: str = "job") -> None:
    control.delete(job_id, actor=ACTOR)


def declare_dead(loop: Loop) -> None:
    """As another scheduler does that has heard nothing of it for a TTL."""
    SchedulerProcess.objects.filter(pk=loop.id).update(stopped_at=datetime.now(UTC))
