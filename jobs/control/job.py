"""Every change that a person or a program may make to a job.

Each is one transaction: the job, its schedule, an audit event, and the revision. Input is
checked first, and what is refused changes nothing. Times are the database's: the host of a web
server may be off.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from django_apscheduler.models import DjangoJob

from jobs.among import Among
from jobs.control.audit import Actor, as_recorded, differing, record
from jobs.control.input import BUILTIN_FIELDS, FIELDS, TRIGGER_FIELDS, clean_changes, clean_job
from jobs.control.once import Once
from jobs.control.schedule import arm, set_problem
from jobs.errors import Conflict, Forbidden, Invalid, JobNotFound
from jobs.executions.database import database_now
from jobs.executions.revision import bump_revision
from jobs.executions.tally import add_verdicts
from jobs.models import BUILTIN_IDS, Job, JobExecution, Source, Status
from jobs.models.job import ID_PATTERN
from jobs.triggers.calendar import END


class JobExists(Conflict):
    """There is a job of that id already."""

    code = "job_exists"

    def __init__(self, job_id: str) -> None:
        sentence = _("There is a job “%(id)s” already; choose another id.") % {"id": job_id}
        super().__init__(sentence, errors={"id": [sentence]})


class BuiltinProtected(Forbidden):
    """Not with a job that is built in."""

    code = "builtin_protected"


class VersionConflict(Conflict):
    """The job was changed since the version that the caller has seen. HTTP 412."""

    code = "version_conflict"

    def __init__(self, job_id: str, *, expected: Collection[int], found: int) -> None:
        super().__init__(
            _(
                "The job “%(id)s” was changed by somebody else meanwhile "
                "(version %(found)d, not %(expected)s). Load it again."
            )
            % {
                "id": job_id,
                "found": found,
                "expected": ", ".join(map(str, sorted(expected))) or _("any that was sent"),
            }
        )


Expected = int | Collection[int] | None
"""The version of a job that a caller has seen, or several that it takes; None for any."""


def create(data: Mapping[str, Any], *, actor: Actor, once: Once | None = None) -> Job:
    """Create a custom job from definition fields; raises Invalid or JobExists.

    A request that was made `once` before gives the job of then; raises KeyReused.
    """
    if once is not None and (same := once.earlier(Job)) is not None:
        return same
    now = database_now()
    cleaned = clean_job(data, now=now)
    if cleaned["id"] in BUILTIN_IDS and not Job.objects.filter(pk=cleaned["id"]).exists():
        sentence = _("“%(id)s” is the id of a built-in job; choose another id.")
        raise Invalid({"id": [sentence % {"id": cleaned["id"]}]})
    job = Job(**cleaned, anchor=now, created_at=now, updated_at=now)
    if once is not None:
        job.idempotency_key, job.idempotency_request = once.key, once.request
    with transaction.atomic():
        try:
            _insert(job)
        except JobExists:  # perhaps by this very request, sent at the same moment
            if once is not None and (same := once.earlier(Job)) is not None:
                return same
            raise
        arm(job, now=now)
        record(actor, "job.create", job_id=job.pk, target=job.name, after=as_recorded(job))
        bump_revision()
    return job


def _insert(job: Job) -> None:
    if Job.objects.filter(pk=job.pk).exists():
        raise JobExists(job.pk)
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:  # somebody else was first
        raise JobExists(job.pk) from None


def change(
    job_id: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    expected_version: Expected = None,
) -> Job:
    """Change some definition fields of a job; those that do not differ change nothing.

    The next run is worked out anew only if the trigger changes or the job is switched. Of a
    built-in job only trigger, switch and policies may differ. Raises Invalid,
    BuiltinProtected, VersionConflict or JobNotFound.
    """
    if "id" in changes and changes["id"] != job_id:
        raise Invalid({"id": [_("The id of a job is fixed once it is saved.")]})

    def apply(job: Job, now: datetime) -> None:
        before = {name: getattr(job, name) for name in FIELDS}
        cleaned = clean_changes(before, changes, now=now)
        changed = differing(before, cleaned)
        if job.is_builtin and not changed <= BUILTIN_FIELDS:
            raise BuiltinProtected(
                _("“%(id)s” is built in: only its %(allowed)s can be changed, not %(asked)s.")
                % {
                    "id": job_id,
                    "allowed": ", ".join(sorted(BUILTIN_FIELDS)),
                    "asked": ", ".join(sorted(changed - BUILTIN_FIELDS)),
                }
            )
        for name in changed:
            setattr(job, name, cleaned[name])
        if changed & TRIGGER_FIELDS:
            job.anchor = now

    return _change(job_id, "job.change", apply, actor=actor, expected=expected_version)


def enable(job_id: str, *, actor: Actor, expected_version: Expected = None) -> Job:
    """Switch a job on; it runs from its next occurrence, and not for what was due meanwhile."""
    return _set(job_id, "job.enable", actor, expected_version, is_enabled=True)


def disable(job_id: str, *, actor: Actor, expected_version: Expected = None) -> Job:
    """Switch a job off for good; runs that are going go on, those that wait do not begin."""
    return _set(job_id, "job.disable", actor, expected_version, is_enabled=False)


def pause(
    job_id: str,
    *,
    actor: Actor,
    until: datetime | None = None,
    expected_version: Expected = None,
) -> Job:
    """Hold a job, until it is resumed or until a moment (aware, in the future).

    Runs that are going go on; scheduled ones that wait for a worker do not begin.
    """
    if until is not None and (until.tzinfo is None or not database_now() < until < END):
        sentence = _(
            "This must be a moment in the future, with its zone and before the year %(year)d, "
            "not %(value)s."
        )
        raise Invalid({"until": [sentence % {"year": END.year, "value": until.isoformat()}]})
    return _set(job_id, "job.pause", actor, expected_version, is_paused=True, paused_until=until)


def resume(job_id: str, *, actor: Actor, expected_version: Expected = None) -> Job:
    """Let a paused job go on; it runs from its next occurrence, and not for what was due."""
    return _set(job_id, "job.resume", actor, expected_version, is_paused=False, paused_until=None)


def delete(job_id: str, *, actor: Actor, expected_version: Expected = None) -> None:
    """Delete a custom job; its history stays. Runs that are going go on."""
    with transaction.atomic():
        job = locked(job_id)
        _require(expected_version, job)
        if job.is_builtin:
            raise BuiltinProtected(
                _("“%(id)s” is built in and cannot be deleted; disable it.") % {"id": job_id}
            )
        remove(job)
        reason = _("The job was deleted by %(who)s.") % {"who": actor.name}
        _withdraw_queued([job_id], reason, now=database_now())
        record(actor, "job.delete", job_id=job_id, target=job.name, before=as_recorded(job))
        bump_revision()


def locked(job_id: str) -> Job:
    """The job, its row locked until the transaction ends; raises JobNotFound."""
    if not re.fullmatch(ID_PATTERN, job_id, re.ASCII):  # PostgreSQL refuses some texts itself
        raise JobNotFound(job_id)
    try:
        return Job.objects.select_for_update().get(pk=job_id)
    except Job.DoesNotExist:
        raise JobNotFound(job_id) from None


def remove(job: Job) -> None:
    """Delete both rows of a job."""
    DjangoJob.objects.filter(pk=job.pk).delete()
    Job.objects.filter(pk=job.pk).delete()


def _set(job_id: str, action: str, actor: Actor, expected: Expected, **values: Any) -> Job:
    def apply(job: Job, now: datetime) -> None:
        for name, value in values.items():
            setattr(job, name, value)

    return _change(job_id, action, apply, actor=actor, expected=expected)


SCHEDULE_FIELDS = TRIGGER_FIELDS | {"is_enabled", "is_paused", "paused_until"}


def _change(
    job_id: str,
    action: str,
    apply: Callable[[Job, datetime], None],
    *,
    actor: Actor,
    expected: Expected,
) -> Job:
    with transaction.atomic():
        job = locked(job_id)
        _require(expected, job)
        now = database_now()  # no tick can be later than that and before this change
        before = copy.deepcopy(as_recorded(job))
        apply(job, now)
        after = as_recorded(job)
        changed = differing(before, after)
        if not changed:
            return job
        problem = job.problem
        if problem_changed := set_problem(job):
            before["problem"], after["problem"] = problem, job.problem
        job.version += 1
        job.updated_at = now
        job.save(force_update=True)
        if changed & SCHEDULE_FIELDS or problem_changed:
            arm(job, now=now)
        if not job.is_enabled or job.is_paused_at(now):
            reason = _("The job was paused or disabled by %(who)s.") % {"who": actor.name}
            _withdraw_queued([job_id], reason, now=now)
        record(actor, action, job_id=job_id, target=job.name, before=before, after=after)
        bump_revision()
    return job


def _require(expected: Expected, job: Job) -> None:
    if expected is None:
        return
    versions = [expected] if isinstance(expected, int) else expected
    if job.version not in versions:
        raise VersionConflict(job.pk, expected=versions, found=job.version)


def withdraw_of_stopped(job_ids: Collection[str], reason: str, *, now: datetime) -> None:
    """Cancel the waiting runs of those of the jobs that are deleted, disabled or paused."""
    going = Job.objects.filter(pk__in=job_ids, is_enabled=True).exclude(Job.paused_condition(now))
    stopped = set(job_ids).difference(going.values_list("pk", flat=True))
    if stopped:
        _withdraw_queued(stopped, reason, now=now)


def _withdraw_queued(job_ids: Collection[str], reason: str, *, now: datetime) -> None:
    """Cancel the runs of jobs that wait for a worker; those that people asked for stay."""
    waiting = JobExecution.objects.filter(job_id__in=job_ids, status=Status.QUEUED)
    waiting = waiting.exclude(source=Source.MANUAL).select_for_update().order_by("pk")
    ids = list(waiting.values_list("pk", flat=True))
    JobExecution.objects.filter(Among("pk", ids)).update(
        status=Status.CANCELLED, finished_at=now, released_at=now, reason=reason
    )
    with connection.cursor() as cursor:
        add_verdicts(cursor, ids)
