"""The task that reads every account."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from jobs.estate.services import accounts
from jobs.estate.services.choice import MAX_CONCURRENCY
from jobs.registry import scheduled_task


@scheduled_task(label=_("Account sync"))
def sync_accounts(
    *,
    instances: list[str] | None = None,
    engines: list[str] | None = None,
    tags: list[str] | None = None,
    concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] = 4,
) -> dict[str, Any]:
    """Read the accounts of all active instances, or of those named, of these engines, with one
    of these tags.

    Counts accounts; an instance that failed has an error. What could not be read is in the
    session's records, and counts as unchanged.
    """
    session = accounts.sync_accounts(
        instances=instances, engines=engines, tags=tags, concurrency=concurrency
    )
    return {
        "session_id": session.pk,
        "status": session.status,
        "instances": [
            {
                "name": record.instance_name,
                "status": record.status,
                "accounts": record.items_seen,
                "added": record.items_created,
                "changed": record.items_updated,
                "removed": record.items_removed,
                "seconds": record.seconds,
                "error": record.error,
            }
            for record in session.records.all()
        ],
        "accounts": session.totals.get("accounts", 0),
        "changes": session.totals.get("changes", 0),
    }
