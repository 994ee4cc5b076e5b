"""The task that measures every database."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from jobs.estate.services.choice import MAX_CONCURRENCY
from jobs.estate.services.sizes import sync_sizes
from jobs.registry import scheduled_task


@scheduled_task(label=_("Capacity sync"))
def collect_database_sizes(
    *,
    instances: list[str] | None = None,
    concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] = 4,
) -> dict[str, Any]:
    """Measure the databases of all active instances, or of those named.

    Sizes in bytes. A figure that is not known is null; an instance that failed has an error.
    """
    session = sync_sizes(instances=instances, concurrency=concurrency)
    return {
        "session_id": session.pk,
        "status": session.status,
        "instances": [
            {
                "name": record.instance_name,
                "status": record.status,
                "databases": record.items_seen,
                "total_bytes": record.details.get("totals", {}).get("total_bytes"),
                "seconds": record.seconds,
                "error": record.error,
            }
            for record in session.records.all()
        ],
        "total_bytes": session.totals.get("total_bytes", 0),
    }
