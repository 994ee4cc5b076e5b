"""The schedule row of a job, and the revision that tells the leader of a change.

Locks are taken in one order everywhere: lease, jobs by id, executions, revision last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.db import DataError
from django.utils.timezone import get_default_timezone_name
from django.utils.translation import gettext_noop
from django_apscheduler.models import DjangoJob

from jobs.errors import SchedulerError
from jobs.executions.claim import EXECUTORS, UnknownExecutor
from jobs.executions.problems import ProblemChange, record_problems
from jobs.models import Job, SchedulerLease
from jobs.registry import find_task, get_task
from jobs.triggers import Trigger, TriggerType, build_trigger, next_fire

UNREADABLE = gettext_noop("Its row holds a value that cannot be read; put it right with SQL.")

MARKER = b"schedcore"
"""Stands where stock django-apscheduler keeps a pickle; nothing is ever read from it."""


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


class HasTrigger(Protocol):
    """A job, or as much of one as tells its trigger."""

    id: str
    trigger_type: str
    trigger_params: Any
    anchor: datetime

    @property
    def zone_name(self) -> str: ...


def trigger_of(job: HasTrigger) -> Trigger:
    """The job's APScheduler trigger; raises InvalidTrigger."""
    return build_trigger(
        job.trigger_type, job.trigger_params, job.zone_name, anchor=job.anchor, seed=job.id
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


def suspects(after: str, *, among: int) -> tuple[list[str], str | None]:
    """Ids of the jobs that a new leader must look at: see `repair`.

    Of the next `among` jobs whose ids are greater than `after`; also the last of these ids, or
    None if there are no more.
    """
    rows = list(
        Job.objects.filter(pk__gt=after)
        .order_by("pk")
        .values_list("pk", "function", "problem", "timezone", "trigger_type")[:among]
    )
    if not rows:
        return [], None
    schedules = DjangoJob.objects.filter(pk__gt=after, pk__lte=rows[-1][0])
    scheduled = set(schedules.values_list("pk", flat=True))
    is_zone_new = _is_default_zone_new()
    found = [
        job_id
        for job_id, function, problem, zone, trigger_type in rows
        if problem
        or job_id not in scheduled
        or find_task(function) is None
        or (is_zone_new and not zone and trigger_type != TriggerType.INTERVAL)
    ]
    return found, rows[-1][0] if len(rows) == among else None


@dataclass(frozen=True, slots=True)
class Repaired:
    """Ids of the jobs that broke, of those that work again, and of those that have to be looked
    at another time, because somebody is changing them."""

    broke: list[str]
    mended: list[str]
    left: list[str]


def repair(job_ids: Sequence[str], *, now: datetime) -> Repaired:
    """Put some of the `suspects` right, in a transaction; waits for no lock.

    Marks jobs whose task has gone, takes the mark from those that can run again, gives a
    schedule row to those that have none, and works the next runs out anew that were reckoned
    in another default zone. A trigger or arguments that do not fit show when a job is due.
    """
    broke: list[str] = []
    mended: list[str] = []
    changes: list[ProblemChange] = []
    due = set(
        DjangoJob.objects.filter(pk__in=job_ids, next_run_time__lte=now).values_list(
            "pk", flat=True
        )
    )
    rows = Job.objects.filter(pk__in=job_ids).order_by("pk")
    there = set(rows.values_list("pk", flat=True))
    locked = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    jobs, unreadable = _read(locked)
    for job_id in unreadable:
        if Job.objects.filter(pk=job_id, problem="").update(problem=UNREADABLE):
            broke.append(job_id)
            changes.append(ProblemChange(job_id, job_id, "", UNREADABLE))
        DjangoJob.objects.filter(pk=job_id).update(next_run_time=None)
    for job in jobs:
        before = job.problem
        if set_problem(job):
            changes.append(ProblemChange(job.pk, job.name, before, job.problem))
            (broke if job.problem else mended).append(job.pk)
            Job.objects.filter(pk=job.pk).update(problem=job.problem)
            arm(job, now=now)
        elif job.pk not in due:
            arm(job, now=now)
    if changes:
        record_problems(changes)
    return Repaired(broke, mended, sorted(there.difference(locked)))


def _read(job_ids: Sequence[str]) -> tuple[list[Job], list[str]]:
    """The jobs, and the ids of those whose rows SQL has made unreadable."""
    rows = Job.objects.filter(pk__in=job_ids).order_by("pk")
    try:
        return list(rows), []
    except (ValueError, RecursionError, DataError):
        pass
    jobs: list[Job] = []
    unreadable: list[str] = []
    for job_id in sorted(job_ids):
        try:
            jobs += rows.filter(pk=job_id)
        except (ValueError, RecursionError, DataError):
            unreadable.append(job_id)
    return jobs, unreadable


def accept_default_zone() -> None:
    """Note that all next runs are worked out in today's default zone."""
    zone = get_default_timezone_name()
    SchedulerLease.objects.filter(pk=1).exclude(time_zone=zone).update(time_zone=zone)


def _is_default_zone_new() -> bool:
    zone = SchedulerLease.objects.filter(pk=1).values_list("time_zone", flat=True).first()
    return bool(zone) and zone != get_default_timezone_name()
