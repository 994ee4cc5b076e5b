"""Retention: what of the history is old enough to go; nothing else deletes any of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import OuterRef, Q, Subquery

from jobs.among import Among
from jobs.models import (
    AlertIncident,
    AlertMessage,
    AlertNotice,
    AuditEvent,
    ExecutionLog,
    Job,
    JobExecution,
    LeaderTerm,
)
from jobs.sweep import Expired, Owned

JOBS = 100
"""Jobs whose last executions are looked up by one statement."""


def expired_executions(before: datetime, *, keep_last: int = 0) -> Expired:
    """Executions that ended before `before`, with their log lines.

    Never one that has no verdict or still holds its slot, nor what a retry that waits or runs
    refers to, nor the last `keep_last` of each job that there is; those of deleted jobs go.
    """
    rows = JobExecution.objects.finished_before(before)
    awaited = JobExecution.objects.unreleased().filter(retry_of__isnull=False)
    return Expired(
        name="executions",
        rows=rows.exclude(pk__in=awaited.order_by().values("retry_of")),
        moment="finished_at",
        owned=(Owned(ExecutionLog.objects.all(), "execution_id", name="log_lines"),),
        spared=_Last(keep_last).of if keep_last else None,
    )


def expired_audit_events(before: datetime) -> Expired:
    """What was recorded before `before`."""
    rows = AuditEvent.expiring.filter(at__lt=before)
    return Expired(name="audit_events", rows=rows, moment="at")


def expired_leader_terms(before: datetime) -> Expired:
    """Who led until before `before`; as long as the executions that it explains are kept."""
    rows = LeaderTerm.objects.filter(ended_at__lt=before)
    return Expired(name="leader_terms", rows=rows, moment="ended_at")


def expired_alert_incidents(before: datetime) -> Expired:
    """What was over before `before`."""
    return Expired(
        name="alert_incidents",
        rows=AlertIncident.objects.filter(closed_at__lt=before),
        moment="closed_at",
        owned=(Owned(AlertNotice.objects.all(), "incident_id", name="alert_notices"),),
    )


def expired_alert_messages(before: datetime) -> Expired:
    """What channels were told before `before`, or what was given up; never what waits to be told.

    To be deleted after `expired_alert_incidents`, with which most of their notices go.
    """
    over = Q(sent_at__isnull=False) | Q(gave_up_at__isnull=False)
    left = AlertNotice.objects.exclude(incident__closed_at__lt=before)
    return Expired(
        name="alert_messages",
        rows=AlertMessage.objects.filter(over, created_at__lt=before),
        moment="created_at",
        owned=(Owned(left, "message_id", name="alert_notices"),),
    )


class _Last:
    """The last executions of each job, as they were when the job was first met.

    Those that come later only make it more that are kept.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._first_kept: dict[str, int | None] = {}
        """Execution id by job; None for jobs that there are not."""

    def of(self, execution_ids: Sequence[int]) -> set[int]:
        """Which of these are among them."""
        rows = JobExecution.objects.filter(Among("pk", execution_ids), job_id__isnull=False)
        jobs = dict(rows.values_list("pk", "job_id"))
        self._look_up(sorted({job_id for job_id in jobs.values() if job_id is not None}))
        return {
            execution_id
            for execution_id, job_id in jobs.items()
            if (first := self._first_kept[job_id or ""]) is not None and execution_id >= first
        }

    def _look_up(self, job_ids: Sequence[str]) -> None:
        unknown = [job_id for job_id in job_ids if job_id not in self._first_kept]
        newest = JobExecution.objects.filter(job_id=OuterRef("pk")).order_by("-pk").values("pk")
        first = Subquery(newest[self._number - 1 : self._number])
        for start in range(0, len(unknown), JOBS):
            some = unknown[start : start + JOBS]
            self._first_kept |= dict.fromkeys(some)
            for job_id, found in Job.objects.filter(pk__in=some).values_list("pk", first):
                self._first_kept[job_id] = found or 0
