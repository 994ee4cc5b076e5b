"""Hand-out: queued rows become running, just before workers get them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext as _

from jobs.executions.database import from_database, from_json, is_postgresql, to_database
from jobs.executions.fencing import Lease
from jobs.models.execution import JobExecution, Source, Status


@dataclass(frozen=True, slots=True)
class Handout:
    """An execution as its worker needs it. Times in UTC; `timeout_s` 0 means no limit."""

    execution_id: int
    job_id: str
    job_name: str
    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    timeout_s: int
    source: Source
    requested_by: str
    attempt: int
    scheduled_for: datetime
    owner: str
    epoch: int


def hand_out(
    cursor: CursorWrapper, lease: Lease, *, now: datetime, limit: int
) -> tuple[list[Handout], list[tuple[str, datetime]]]:
    """Mark up to `limit` queued rows as running, oldest first, in the caller's transaction.

    Also returns (job id, scheduled for) of those that waited past their grace: they are
    missed. The caller hands the rest to workers after the commit, never before.
    """
    if limit <= 0:
        return [], []
    lock = "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    moment = to_database(now)
    late = "start_before < %s"
    reason = _("No worker was free before its grace was over.")
    cursor.execute(
        "UPDATE jobs_jobexecution SET "
        f"status = CASE WHEN {late} THEN '{Status.MISSED.value}' "
        f"ELSE '{Status.RUNNING.value}' END, "
        f"started_at = CASE WHEN {late} THEN NULL ELSE %s{_cast()} END, "
        f"finished_at = CASE WHEN {late} THEN %s{_cast()} END, "
        f"released_at = CASE WHEN {late} THEN %s{_cast()} END, "
        f"reason = CASE WHEN {late} THEN %s ELSE reason END, "
        "owner = %s, epoch = %s "
        "WHERE id IN (SELECT id FROM jobs_jobexecution "
        f"WHERE status = '{Status.QUEUED.value}' ORDER BY id LIMIT %s {lock}) "
        "RETURNING id, job_id, job_name, function, args, kwargs, timeout_s, source, "
        "requested_by, attempt, scheduled_for, status",
        [
            moment,
            *(moment, moment),
            *(moment, moment),
            *(moment, moment),
            *(moment, reason),
            lease.holder,
            lease.epoch,
            limit,
        ],
    )
    handouts = []
    missed = []
    for row in sorted(cursor.fetchall()):
        scheduled_for = from_database(row[10])
        if scheduled_for is None:  # the column is never null
            continue
        if row[11] == Status.MISSED:
            missed.append((row[1], scheduled_for))
            continue
        handouts.append(
            Handout(
                execution_id=row[0],
                job_id=row[1],
                job_name=row[2],
                function=row[3],
                args=from_json(row[4]),
                kwargs=from_json(row[5]),
                timeout_s=row[6],
                source=row[7],
                requested_by=row[8],
                attempt=row[9],
                scheduled_for=scheduled_for,
                owner=lease.holder,
                epoch=lease.epoch,
            )
        )
    return handouts, missed


def give_back(owner: str, execution_ids: list[int], *, now: datetime) -> None:
    """Queue handed-out executions again that no worker has begun and none will begin.

    Those that somebody has asked to cancel are cancelled instead.
    """
    handed_out = JobExecution.objects.filter(
        pk__in=execution_ids, owner=owner, status=Status.RUNNING
    )
    for execution in handed_out.filter(cancel_requested_at__isnull=False):
        reason = _("Cancelled by %(who)s.") % {"who": execution.cancel_requested_by}
        handed_out.filter(pk=execution.pk).update(
            status=Status.CANCELLED, finished_at=now, released_at=now, reason=reason
        )
    handed_out.update(status=Status.QUEUED, owner="", started_at=None)


def _cast() -> str:
    # PostgreSQL cannot tell the type of a bare parameter inside CASE.
    return "::timestamptz" if is_postgresql() else ""
