"""The tasks that look after partitioned tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from jobs.estate.models import SyncRecord, SyncSession
from jobs.estate.services.choice import MAX_CONCURRENCY
from jobs.estate.services.partition_changes import create_by_policy, detach_by_policy
from jobs.estate.services.partitions import sync_partitions
from jobs.registry import scheduled_task


@scheduled_task(label=_("Partition health"))
def monitor_partition_health(
    *,
    instances: list[str] | None = None,
    engines: list[str] | None = None,
    tags: list[str] | None = None,
    concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] = 4,
) -> dict[str, Any]:
    """Look for what is wrong with the partitioned tables of all active instances, or of those
    named, of those engines, with one of those tags.

    Findings resolve by themselves when they are not found any more.
    """
    session = sync_partitions(
        instances=instances, engines=engines, tags=tags, concurrency=concurrency
    )
    return _summary(
        session,
        lambda record: {
            "tables": record.items_seen,
            "new": record.items_created,
            "resolved": record.items_removed,
            "findings": record.details.get("totals", {}).get("findings"),
        },
    )


@scheduled_task(label=_("Create partitions"))
def create_partitions(
    *, instances: list[str] | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Make the partitions that the active policies ask for, on instances with a user for changes.

    With dry_run nothing is made, and the result holds the statements that would be run.
    """
    session = create_by_policy(instances=instances, dry_run=dry_run)
    return {"dry_run": dry_run, **_summary(session, _changes)}


@scheduled_task(label=_("Clean up partitions"))
def cleanup_partitions(
    *, instances: list[str] | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Detach the partitions that are past the retention of their table's active policy.

    Nothing is dropped. Where the engine cannot detach, the partitions are only named. With
    dry_run nothing is detached, and the result holds the statements that would be run.
    """
    session = detach_by_policy(instances=instances, dry_run=dry_run)
    return {"dry_run": dry_run, **_summary(session, _changes)}


def _changes(record: SyncRecord) -> dict[str, Any]:
    return {"tables": record.details.get("tables", [])}


def _summary(session: SyncSession, told: Callable[[SyncRecord], dict[str, Any]]) -> dict[str, Any]:
    return {
        "session_id": session.pk,
        "status": session.status,
        "totals": session.totals,
        "instances": [
            {
                "name": record.instance_name,
                "status": record.status,
                **told(record),
                "seconds": record.seconds,
                "error": record.error,
            }
            for record in session.records.all()
        ],
    }
