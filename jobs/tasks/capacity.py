"""The task that measures every database."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from jobs.estate.services.choice import MAX_CONCURRENCY
from jobs.estate.services.sizes import MAX_TABLES, sync_sizes
from jobs.registry import scheduled_task


@scheduled_task(label=_("Capacity sync"))
def collect_database_sizes(
    *,
    instances: list[str] | None = None,
    engines: list[str] | None = None,
    tags: list[str] | None = None,
    concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] = 4,
    largest_tables: Annotated[int, Field(ge=0, le=MAX_TABLES)] = 0,
    include_system: bool = False,
) -> dict[str, Any]:
    """Measure the databases of all active instances, or of those named, of these engines, with
    one of these tags; the system's own only if asked.

    Sizes in bytes. A figure that is not known is null; an instance that failed has an error.
    """
    session = sync_sizes(
        instances=instances,
        engines=engines,
        tags=tags,
        concurrency=concurrency,
        largest_tables=largest_tables,
        include_system=include_system,
    )
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
