"""The schedule row of a job, and the revision that tells the leader of a change.

Locks are taken in one order everywhere: lease, jobs by id, executions, revision last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django_apscheduler.models import DjangoJob

from jobs.errors import SchedulerError
from jobs.executions.claim import EXECUTORS, UnknownExecutor
from jobs.models import Job
from jobs.registry import get_task
from jobs.triggers import Trigger, build_trigger, next_fire

MARKER = b"schedcore"
"""Stands where stock django-apscheduler keeps a pickle; nothing is ever read from it."""

CHANNEL = "schedcore_revision"
"""What the leader LISTENs to on PostgreSQL."""


def problem_of(job: Job) -> str:
    """Why the job cannot run, in a sentence; empty if it can."""
    if problem := problem_of_call(job, job.args, job.kwargs):
        return problem
    try:
        trigger_of(job)
    except SchedulerError as error:
        return error.message
    return ""


def problem_of_call(job: Job, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Why the job cannot run with these arguments, whatever its trigger; empty if it can."""
    try:
        get_task(job.function).bind(args, kwargs)
        if job.executor not in EXECUTORS:
            raise UnknownExecutor(job.executor)
    except SchedulerError as error:
        return error.message
    return ""


def trigger_of(job: Job) -> Trigger:
    """The job's APScheduler trigger; raises InvalidTrigger."""
    return build_trigger(
        job.trigger_type, job.trigger_params, job.zone_name, anchor=job.anchor, seed=job.pk
    )


def next_run_of(job: Job, *, after: datetime) -> datetime | None:
    """The first occurrence after `after` at which the job would run, as it stands; UTC."""
    if not job.is_enabled or job.problem:
        return None
    if job.is_paused:
        if job.paused_until is None:
            return None
        after = max(after, job.paused_until)
    return next_fire(trigger_of(job), after)


def arm(job: Job, *, now: datetime) -> None:
    """Give the job the schedule row it should have as of `now`; what was due is not fired."""
    DjangoJob.objects.update_or_create(
        pk=job.pk,
        defaults={"next_run_time": next_run_of(job, after=now), "job_state": MARKER},
    )


def set_problem(job: Job) -> bool:
    """Look at the job anew; True if its problem has changed. Does not save."""
    problem = problem_of(job)
    changed = problem != job.problem
    job.problem = problem
    return changed


def bump_revision() -> None:
    """Tell the leader that something has changed; the last write of a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_revision (id, number) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET number = jobs_revision.number + 1"
        )
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def repair(*, now: datetime) -> tuple[list[str], list[str]]:
    """Look at all jobs anew, for a new leader: (ids that broke, ids that work again).

    Marks jobs whose task has gone, takes the mark from those whose task has come back, and
    gives a schedule row to those that have none. Call it in a transaction.
    """
    broke: list[str] = []
    mended: list[str] = []
    for seen in Job.objects.order_by("pk").iterator(chunk_size=1000):
        if not set_problem(seen):
            continue
        job = Job.objects.select_for_update().filter(pk=seen.pk).first()
        if job is None or not set_problem(job):  # somebody was changing it
            continue
        (broke if job.problem else mended).append(job.pk)
        Job.objects.filter(pk=job.pk).update(problem=job.problem)
        arm(job, now=now)
    missing = Job.objects.exclude(pk__in=DjangoJob.objects.values("pk"))
    for job in missing.order_by("pk").select_for_update():
        arm(job, now=now)
    return broke, mended
