"""Every request that a person or a program may make about executions: run now, cancel, retry."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from jobs.control.audit import Actor, record
from jobs.control.input import clean_arguments
from jobs.control.job import locked
from jobs.control.once import KeyReused, Once
from jobs.control.schedule import problem_of_call
from jobs.errors import Conflict, ExecutionNotFound, JobNotFound
from jobs.executions.database import database_now
from jobs.executions.revision import bump_revision
from jobs.executions.tally import add_verdicts
from jobs.models import Job, JobExecution, Source, Status
from jobs.models.execution import JobExecutionQuerySet
from jobs.registry import find_task, policies_of

logger = logging.getLogger(__name__)


class JobBusy(Conflict):
    """As many runs are going as the job allows."""

    code = "job_busy"

    def __init__(self, job_id: str, going: int, most: int) -> None:
        super().__init__(
            _(
                "“%(id)s” is running already (%(going)d of at most %(most)d). "
                "Wait for it, or force it if you manage this job."
            )
            % {"id": job_id, "going": going, "most": most}
        )


class JobBroken(Conflict):
    """Its function or its trigger is not there any more; the job says why."""

    code = "job_broken"

    def __init__(self, job_id: str, problem: str) -> None:
        super().__init__(_("“%(id)s” cannot run: %(problem)s") % {"id": job_id, "problem": problem})


class NotRunning(Conflict):
    """Not in the state in which the execution is."""

    code = "execution_finished"


def run_now(
    job_id: str,
    *,
    actor: Actor,
    kwargs: Mapping[str, Any] | None = None,
    force: bool = False,
    once: Once | None = None,
) -> JobExecution:
    """Queue one run of a job, whatever its switch; its schedule stays as it is.

    `kwargs`, if given, stand in place of the job's own. A request that was made `once` before
    gives the execution of then. Raises JobBusy while as many runs are going as the job allows
    (unless `force`), JobBroken, KeyReused, Invalid or JobNotFound.
    """
    now = database_now()
    with transaction.atomic():
        job = locked(job_id)
        if once is not None and (same := once.earlier(JobExecution)) is not None:
            return same
        if kwargs is not None and find_task(job.function) is not None:
            args, own = clean_arguments(job.function, job.args, kwargs)
        else:
            args, own = job.args, job.kwargs
        if problem := problem_of_call(job, args, own):
            raise JobBroken(job_id, problem)
        _refuse_if_busy(job, force=force)
        execution = _queue(job, args, own, actor=actor, now=now, once=once)
        after: dict[str, Any] = {"execution_id": execution.pk, "force": force}
        if kwargs is not None:
            after["kwargs"] = own
        record(actor, "job.run", job_id=job_id, target=job.name, after=after)
        bump_revision()
    _tell(execution, actor)
    return execution


def retry(execution_id: int, *, actor: Actor, once: Once | None = None) -> JobExecution:
    """Queue one more run with the arguments of an execution that has its verdict.

    A request that was made `once` before gives the execution of then. Raises NotRunning if it
    has no verdict yet, JobBusy, JobBroken if these arguments do not fit the job's task any more,
    JobNotFound if the job has gone, KeyReused, ExecutionNotFound.
    """
    now = database_now()
    with transaction.atomic():
        earlier = _found(execution_id, JobExecution.objects.all())
        if not earlier.is_finished:
            raise NotRunning(
                _("Execution %(id)s has not ended yet; cancel it first.") % {"id": execution_id}
            )
        if earlier.job_id is None:
            raise JobNotFound(earlier.job_name)
        job = locked(earlier.job_id)
        if once is not None and (same := once.earlier(JobExecution)) is not None:
            return same
        if problem := problem_of_call(job, earlier.args, earlier.kwargs):
            raise JobBroken(job.pk, problem)
        _refuse_if_busy(job, force=False)
        # Locked, so that the retention does not take it away meanwhile.
        _found(execution_id, JobExecution.objects.select_for_update())
        execution = _queue(
            job,
            earlier.args,
            earlier.kwargs,
            actor=actor,
            now=now,
            once=once,
            retry_of=earlier,
        )
        record(
            actor,
            "execution.retry",
            job_id=job.pk,
            target=job.name,
            after={"execution_id": execution.pk, "retry_of": execution_id},
        )
        bump_revision()
    _tell(execution, actor)
    return execution


def cancel(execution_id: int, *, actor: Actor) -> JobExecution:
    """End an execution: at once if it is queued, at its next `check()` if it runs.

    Raises NotRunning if it has its verdict, ExecutionNotFound.
    """
    now = database_now()
    asked: dict[str, Any] = {"cancel_requested_at": now, "cancel_requested_by": actor.name}
    with transaction.atomic():
        execution = _found(execution_id, JobExecution.objects.select_for_update())
        if execution.is_finished:
            raise NotRunning(
                _("Execution %(id)s has ended already; there is nothing to cancel.")
                % {"id": execution_id}
            )
        if execution.cancel_requested_at is not None:
            return execution
        if execution.status == Status.QUEUED:
            reason = _("Cancelled by %(who)s.") % {"who": actor.name}
            asked |= {"status": Status.CANCELLED, "finished_at": now, "released_at": now}
            asked |= {"reason": reason}
        JobExecution.objects.filter(pk=execution_id).update(**asked)
        with connection.cursor() as cursor:
            add_verdicts(cursor, [execution_id])
        record(
            actor,
            "execution.cancel",
            job_id=execution.job_id or "",
            target=execution.job_name,
            after={"execution_id": execution_id},
        )
        bump_revision()
    execution.refresh_from_db()
    return execution


def _found(execution_id: int, rows: JobExecutionQuerySet) -> JobExecution:
    try:
        return rows.get(pk=execution_id)
    except (JobExecution.DoesNotExist, OverflowError):
        raise ExecutionNotFound(execution_id) from None


def _queue(
    job: Job,
    args: list[Any],
    kwargs: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    once: Once | None,
    retry_of: JobExecution | None = None,
) -> JobExecution:
    execution = JobExecution(
        job_id=job.pk,
        job_name=job.name,
        function=job.function,
        args=args,
        kwargs=kwargs,
        executor=job.executor,
        timeout_s=policies_of(job).timeout,
        source=Source.MANUAL,
        requested_by=actor.name,
        retry_of=retry_of,
        status=Status.QUEUED,
        scheduled_for=now,
        queued_at=now,
    )
    if once is None:
        execution.save(force_insert=True)
        return execution
    execution.idempotency_key, execution.idempotency_request = once.key, once.request
    try:
        with transaction.atomic():
            execution.save(force_insert=True)
    except IntegrityError:  # of another job, at this moment
        raise KeyReused from None
    return execution


def _tell(execution: JobExecution, actor: Actor) -> None:
    """So the log leads from a request to the execution that came of it."""
    keys = {"execution_id": execution.pk, "job_id": execution.job_id}
    logger.info(
        "Execution requested",
        extra={"event": "execution.requested", "actor": actor.name, "via": str(actor.via), **keys},
    )


def _refuse_if_busy(job: Job, *, force: bool) -> None:
    most = policies_of(job).max_instances
    going = JobExecution.objects.unreleased().filter(job_id=job.pk).count()
    if going >= most and not force:
        raise JobBusy(job.pk, going, most)
