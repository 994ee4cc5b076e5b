"""Hand-out: queued rows become running, just before workers get them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext as _

from jobs.executions.database import from_database, from_json, is_postgresql, to_database
from jobs.executions.fencing import Lease
from jobs.executions.tally import add_verdicts
from jobs.models import Job
from jobs.models.execution import JobExecution, JobExecutionQuerySet, Source, Status


@dataclass(frozen=True, slots=True)
class Handout:
    """An execution as its worker needs it. Times in UTC; `timeout_s` 0 means no limit."""

    execution_id: int
    job_id: str
    job_name: str
    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    executor: str
    timeout_s: int
    source: Source
    requested_by: str
    attempt: int
    scheduled_for: datetime
    owner: str
    epoch: int


class Late(NamedTuple):
    """A run that was missed while it waited."""

    execution_id: int
    job_id: str
    scheduled_for: datetime


def hand_out(
    cursor: CursorWrapper, lease: Lease, *, executor: str, now: datetime, limit: int
) -> tuple[list[Handout], list[Late]]:
    """Mark up to `limit` queued rows as running, oldest first, in the caller's transaction.

    Also returns those that waited past their grace: they are missed. The caller hands the
    rest to workers after the commit, never before.
    """
    ready = f"executor = %s AND (start_after IS NULL OR start_after <= %s) AND {SINGLE}"
    return _mark(cursor, lease, now, ready, [executor, to_database(now)], limit)


def miss_late(cursor: CursorWrapper, lease: Lease, *, now: datetime) -> list[Late]:
    """Mark the queued rows as missed whose grace is over, while no worker is free for them."""
    return _mark(cursor, lease, now, "start_before < %s", [to_database(now)], MAX_LATE)[1]


MAX_LATE = 1000

SINGLE = (
    "(retry_of_id IS NULL OR NOT EXISTS (SELECT 1 FROM jobs_jobexecution e "
    "WHERE e.id = jobs_jobexecution.retry_of_id AND e.released_at IS NULL))"
)
"""An attempt whose thread ignored its timeout is still going; its retry waits for it."""


def _mark(
    cursor: CursorWrapper,
    lease: Lease,
    now: datetime,
    condition: str,
    values: list[Any],
    limit: int,
) -> tuple[list[Handout], list[Late]]:
    lock = "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    moment = to_database(now)
    late = "start_before < %s"
    cursor.execute(
        "UPDATE jobs_jobexecution SET "
        f"status = CASE WHEN {late} THEN '{Status.MISSED.value}' "
        f"ELSE '{Status.RUNNING.value}' END, "
        f"started_at = CASE WHEN {late} THEN NULL ELSE %s{_cast()} END, "
        f"finished_at = CASE WHEN {late} THEN %s{_cast()} END, "
        f"released_at = CASE WHEN {late} THEN %s{_cast()} END, "
        f"reason = CASE WHEN start_before < %s THEN %s WHEN {late} AND NOT {SINGLE} THEN %s "
        f"WHEN {late} THEN %s ELSE reason END, "
        "owner = %s, epoch = %s "
        "WHERE id IN (SELECT id FROM jobs_jobexecution "
        f"WHERE status = '{Status.QUEUED.value}' AND {condition} "
        # In the order of the index: for that of the keys SQLite would read the whole history.
        f"ORDER BY executor, id LIMIT %s {lock}) "
        "RETURNING id, job_id, job_name, function, args, kwargs, executor, timeout_s, source, "
        "requested_by, attempt, scheduled_for, status",
        [
            moment,
            *(moment, moment),
            *(moment, moment),
            *(moment, moment),
            to_database(lease.since),
            _("No scheduler was leading before its grace was over."),
            *(moment, _("Its earlier attempt was still going when its grace was over.")),
            *(moment, _("No worker was free before its grace was over.")),
            lease.holder,
            lease.epoch,
            *values,
            limit,
        ],
    )
    handouts = []
    missed = []
    for row in sorted(cursor.fetchall()):
        scheduled_for = from_database(row[11])
        if scheduled_for is None:  # the column is never null
            continue
        if row[12] == Status.MISSED:
            missed.append(Late(row[0], row[1], scheduled_for))
            continue
        handouts.append(
            Handout(
                execution_id=row[0],
                job_id=row[1],
                job_name=row[2],
                function=row[3],
                args=from_json(row[4]),
                kwargs=from_json(row[5]),
                executor=row[6],
                timeout_s=row[7],
                source=row[8],
                requested_by=row[9],
                attempt=row[10],
                scheduled_for=scheduled_for,
                owner=lease.holder,
                epoch=lease.epoch,
            )
        )
    return handouts, missed


def give_back(owner: str, execution_ids: list[int], *, now: datetime) -> set[int]:
    """Queue handed-out executions again that no worker has begun and none will begin.

    Those that somebody has asked to cancel meanwhile, and those of jobs that were stopped
    (unless somebody asked for them), are cancelled instead. It waits for nobody's lock: the
    ids of those that have to be left for another time, because somebody is changing their job.
    """
    handed_out = JobExecution.objects.filter(
        pk__in=execution_ids, owner=owner, status=Status.RUNNING
    )
    going, changing = _going(handed_out, now)  # before the executions are locked
    left = set(execution_ids)
    again = []
    cancelled = []
    columns = ("pk", "job_id", "source", "cancel_requested_at", "cancel_requested_by")
    rows = handed_out.select_for_update(skip_locked=True).order_by("pk")
    for pk, job_id, source, cancelled_at, who in rows.values_list(*columns):
        if cancelled_at is not None:
            reason = _("Cancelled by %(who)s.") % {"who": who}
        elif source == Source.MANUAL or job_id in going:
            again.append(pk)
            continue
        elif job_id in changing:
            continue
        else:
            reason = _("The job was paused, disabled or deleted before a worker was free.")
        left.discard(pk)
        cancelled.append(pk)
        JobExecution.objects.filter(pk=pk).update(
            status=Status.CANCELLED, finished_at=now, released_at=now, reason=reason
        )
    with connection.cursor() as cursor:
        add_verdicts(cursor, cancelled)
    left.difference_update(again)
    JobExecution.objects.filter(pk__in=again).update(
        status=Status.QUEUED, owner="", started_at=None
    )
    return set(handed_out.filter(pk__in=left).values_list("pk", flat=True)) if left else left


def _going(executions: JobExecutionQuerySet, now: datetime) -> tuple[set[str], set[str]]:
    """Of the executions' jobs: those that are neither paused nor disabled, their rows locked;
    and those whose rows somebody else has locked."""
    jobs = Job.objects.filter(pk__in=executions.order_by().values("job_id"))
    there = set(jobs.values_list("pk", flat=True))
    rows = jobs.order_by("pk").select_for_update(skip_locked=True)
    locked = set(rows.values_list("pk", flat=True))
    going = Job.objects.filter(pk__in=locked, is_enabled=True).exclude(Job.paused_condition(now))
    return set(going.values_list("pk", flat=True)), there - locked


def _cast() -> str:
    # PostgreSQL cannot tell the type of a bare parameter inside CASE.
    return "::timestamptz" if is_postgresql() else ""
