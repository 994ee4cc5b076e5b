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


def repair(*, now: datetime) -> tuple[list[str], list[str]]:
    """What a new leader puts right, in its transaction: (ids that broke, ids that work again).

    Marks jobs whose task has gone, takes the mark from those that can run again, and gives a
    schedule row to those that have none. Looks at suspects only, so that a start does not
    take longer with more jobs; a trigger or arguments that do not fit show when a job is due.
    """
    broke: list[str] = []
    mended: list[str] = []
    known = [task.name for task in all_tasks()]
    unscheduled = set(
        Job.objects.exclude(pk__in=DjangoJob.objects.values("pk")).values_list("pk", flat=True)
    )
    suspects = Job.objects.filter(
        ~Q(function__in=known) | ~Q(problem="") | ~Q(pk__in=DjangoJob.objects.values("pk"))
    )
    for job in suspects.order_by("pk").select_for_update():
        if set_problem(job):
            (broke if job.problem else mended).append(job.pk)
            Job.objects.filter(pk=job.pk).update(problem=job.problem)
        elif job.pk not in unscheduled:
            continue
        arm(job, now=now)
    _follow_default_zone(now)
    return broke, mended


def _follow_default_zone(now: datetime) -> None:
    """Work the next runs out anew that were reckoned in another default zone than today's."""
    zone = get_default_timezone_name()
    lease = SchedulerLease.objects.filter(pk=1).exclude(time_zone=zone)
    previous = lease.values_list("time_zone", flat=True).first()
    if previous is None:
        return
    if previous:
        moving = Job.objects.with_schedule(now).armed().exclude(trigger_type=TriggerType.INTERVAL)
        upcoming = [job.pk for job in moving.filter(timezone="") if not _is_due(job, now)]
        movable = Job.objects.filter(pk__in=upcoming).order_by("pk").select_for_update()
        for job in movable:
            if not problem_of(job):  # else that shows when it is due
                arm(job, now=now)
    lease.update(time_zone=zone)


def _is_due(job: Job, now: datetime) -> bool:
    return job.next_run_time is not None and job.next_run_time <= now
