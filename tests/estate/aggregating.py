"""To aggregate on a Monday in spring, and find a row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from jobs.estate.models import PeriodKind, SizeAggregate
from jobs.estate.services.aggregates import Aggregation, Wanted, aggregate_sizes

NOW = datetime(2026, 4, 6, 4, 0, tzinfo=UTC)
"""A Monday: the last complete week, month and quarter are 30 March to 5 April, March, and
January to March."""
LARGEST = 2**63 - 1


def aggregate(
    kind: str | None = None,
    *,
    now: datetime = NOW,
    instances: list[str] | None = None,
    **wanted: Any,
) -> Aggregation:
    for name in ("since", "until"):
        if name in wanted:
            wanted[name] = date.fromisoformat(wanted[name])
    return aggregate_sizes(
        Wanted(kind and PeriodKind(kind), **wanted), now=now, instances=instances
    )


def row(kind: str, *, database: str | None = "one", **lookups: Any) -> SizeAggregate:
    return SizeAggregate.objects.get(kind=kind, database__name=database, **lookups)
