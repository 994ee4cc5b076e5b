"""Recovery: nothing stays running after its process has died."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from jobs.executions.retry import Ended, queue_again, reruns
from jobs.executions.revision import bump_revision
from jobs.models import JobExecution, SchedulerProcess, Status
from jobs.models.execution import JobExecutionQuerySet


def interrupt_orphans(*, now: datetime) -> list[int]:
    """End the handed-out runs whose process is not alive; their execution ids.

    Queued rows are nobody's yet, and are run by whoever leads. Call it in the leader's
    transaction, so that no process can become alive unseen.
    """
    alive = SchedulerProcess.objects.alive().values("pk")
    reason = _("The scheduler process that ran it died.")
    return _interrupt(JobExecution.objects.exclude(owner__in=alive), reason, now)


def interrupt_own(owner: str, *, now: datetime) -> list[int]:
    """End what `owner` still runs when it stops for good; execution ids."""
    reason = _("The scheduler stopped before the run ended.")
    return _interrupt(JobExecution.objects.filter(owner=owner), reason, now)


def _interrupt(rows: JobExecutionQuerySet, reason: str, now: datetime) -> list[int]:
    """Of `rows`, end what runs and release what only holds its slot; ids of the former.

    What their jobs want to be run again is queued in the same transaction.
    """
    # In the order of an index: for that of the keys SQLite would read the whole history.
    held = rows.unreleased().exclude(status=Status.QUEUED).order_by("job_id", "pk")
    running = held.filter(status=Status.RUNNING, cancel_requested_at__isnull=True)
    # Before the executions are locked: jobs come first in the order of locks.
    ended = [Ended(*values) for values in running.values_list("pk", "job_id", "attempt")]
    attempts, left = reruns(ended, now=now)
    # A row that somebody else has locked is left for the next time.
    rows = held.exclude(pk__in=left).select_for_update(skip_locked=True)
    found = list(rows.values_list("pk", "status"))
    ids = [pk for pk, status in found if status == Status.RUNNING]
    JobExecution.objects.filter(pk__in=ids).update(
        status=Status.INTERRUPTED, finished_at=now, released_at=now, reason=reason
    )
    lingering = [pk for pk, status in found if status != Status.RUNNING]
    JobExecution.objects.filter(pk__in=lingering).update(released_at=now)
    with connection.cursor() as cursor:
        queue_again(cursor, attempts, after={Status.INTERRUPTED}, now=now)
    if lingering:
        bump_revision()  # a retry may have waited for that
    return ids
