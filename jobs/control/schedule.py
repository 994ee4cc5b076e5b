"""The schedule row of a job, and the revision that tells the leader of a change.

Locks are taken in one order everywhere: lease, jobs by id, executions, revision last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.timezone import get_default_timezone_name
from django_apscheduler.models import DjangoJob

from jobs.errors import SchedulerError
from jobs.executions.claim import EXECUTORS, UnknownExecutor
from jobs.models import Job, SchedulerLease
from jobs.registry import all_tasks, get_task
from jobs.triggers import Trigger, TriggerType, build_trigger, next_fire

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
        get_task(job.function).arguments.bind(args, kwargs)
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


def suspects() -> list[str]:
    """Ids of the jobs that a new leader must look at, which are few: see `repair`."""
    known = [task.name for task in all_tasks()]
    unscheduled = ~Q(pk__in=DjangoJob.objects.values("pk"))
    found = ~Q(function__in=known) | ~Q(problem="") | unscheduled
    if _is_default_zone_new():
        found |= Q(timezone="") & ~Q(trigger_type=TriggerType.INTERVAL)
    return list(Job.objects.filter(found).order_by("pk").values_list("pk", flat=True))


def repair(job_ids: Sequence[str], *, now: datetime) -> tuple[list[str], list[str]]:
    """Put some of the `suspects` right, in a transaction: (ids that broke, that work again).

    Marks jobs whose task has gone, takes the mark from those that can run again, gives a
    schedule row to those that have none, and works the next runs out anew that were reckoned
    in another default zone. A trigger or arguments that do not fit show when a job is due.
    """
    broke: list[str] = []
    mended: list[str] = []
    due = set(
        DjangoJob.objects.filter(pk__in=job_ids, next_run_time__lte=now).values_list(
            "pk", flat=True
        )
    )
    for job in Job.objects.filter(pk__in=job_ids).order_by("pk").select_for_update():
        if set_problem(job):
            (broke if job.problem else mended).append(job.pk)
            Job.objects.filter(pk=job.pk).update(problem=job.problem)
            arm(job, now=now)
        elif job.pk not in due:
            arm(job, now=now)
    return broke, mended


def accept_default_zone() -> None:
    """Note that all next runs are worked out in today's default zone."""
    zone = get_default_timezone_name()
    SchedulerLease.objects.filter(pk=1).exclude(time_zone=zone).update(time_zone=zone)


def _is_default_zone_new() -> bool:
    zone = SchedulerLease.objects.filter(pk=1).values_list("time_zone", flat=True).first()
    return bool(zone) and zone != get_default_timezone_name()
