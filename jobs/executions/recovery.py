"""Recovery: nothing stays running after its process has died."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.utils.translation import gettext as _

from jobs.models.execution import JobExecution, Status


def interrupt_orphans(alive: Collection[str], *, now: datetime) -> list[int]:
    """End the handed-out runs of processes that are not alive; their execution ids.

    Queued rows are nobody's yet, and are run by whoever leads.
    """
    return _interrupt(
        now,
        JobExecution.objects.exclude(owner__in=alive),
        _("The scheduler process that ran it died."),
    )


def interrupt_own(owner: str, *, now: datetime) -> list[int]:
    """End what `owner` still runs when it stops for good; execution ids."""
    return _interrupt(
        now,
        JobExecution.objects.filter(owner=owner),
        _("The scheduler stopped before the run ended."),
    )


def _interrupt(now: datetime, rows: object, reason: str) -> list[int]:
    orphans = rows.unreleased().exclude(status=Status.QUEUED)  # type: ignore[attr-defined]
    found = list(orphans.values_list("pk", flat=True))
    if not found:
        return []
    held = JobExecution.objects.filter(pk__in=found)
    running = held.filter(status=Status.RUNNING)
    interrupted = list(running.values_list("pk", flat=True))
    running.update(status=Status.INTERRUPTED, finished_at=now, released_at=now, reason=reason)
    held.filter(released_at__isnull=True, finished_at__isnull=False).update(released_at=now)
    return interrupted
