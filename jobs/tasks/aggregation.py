"""The task that aggregates the sizes of databases and instances."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.aggregate import PeriodKind
from jobs.estate.services.aggregates import Wanted, Written, aggregate_sizes
from jobs.registry import scheduled_task


@scheduled_task(label=_("Size aggregation"))
def calculate_database_size_aggregations(
    *,
    kind: PeriodKind | None = None,
    current: bool = False,
    since: date | None = None,
    until: date | None = None,
    instances: list[str] | None = None,
) -> dict[str, Any]:
    """Aggregate the sizes of all active instances, or of those named, and of their databases.

    Without arguments over the last whole day, week, month and quarter that are over; `kind`
    names one of these. With `current` over the period that today lies in, or with `since` and
    `until`, both included, over every whole period of that range that is over.
    """
    wanted = Wanted(kind, current, since, until)
    aggregation = aggregate_sizes(wanted, now=timezone.now(), instances=instances)
    return {
        "session_id": aggregation.session.pk,
        "status": aggregation.session.status,
        "kinds": [_summary(written) for written in aggregation.kinds],
        "rows": sum(written.rows for written in aggregation.kinds),
    }


def _summary(written: Written) -> dict[str, Any]:
    first, last = (written.periods[0], written.periods[-1]) if written.periods else (None, None)
    return {
        "kind": written.kind.value,
        "periods": len(written.periods),
        "since": first and first.starts_on.isoformat(),
        "until": last and last.ends_on.isoformat(),
        "rows": written.rows,
        "seconds": round(written.seconds, 3),
    }
