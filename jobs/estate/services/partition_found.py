"""What a check of a partitioned table is given, and what it says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from jobs.estate.adapters.partitions import Bound, Partition, PartitionedTable
from jobs.estate.models.finding import FindingKind, Severity
from jobs.estate.services.partition_periods import Periods
from jobs.estate.services.partition_ranges import default_of, holds, open_ended, shown

NAMED = 20
"""Up to here each partition is a finding; the same about more of them is one about their table."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing; `partition` is empty for what is about the table."""

    kind: FindingKind
    severity: Severity
    message: str
    partition: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """A table, and what is worked out once for all checks. `at` is where in its range it is now,
    None where that is not known; `ahead` so many periods beyond are to be there. `within` is the
    partition of another table that it is itself.
    """

    table: PartitionedTable
    now: datetime
    zone: tzinfo
    periods: Periods | None
    at: Bound | None
    ahead: int
    within: Partition | None = None

    def is_for(self, bound: Bound) -> bool:
        return self.within is None or holds(self.within, bound)

    def catch_all(self, bound: Bound) -> str:
        """In which partition such rows land if no other takes them; "" if they are refused."""
        last = open_ended(self.table)
        part = last if last and holds(last, bound) else default_of(self.table)
        return label(self.table, part) if part else ""

    def shown(self, bound: Bound) -> str:
        return shown(bound, self.periods.zone if self.periods else self.zone)


def label(table: PartitionedTable, part: Partition) -> str:
    """Its name, with the schema where that is not its table's."""
    if part.schema in ("", table.schema):
        return part.name
    return f"{part.schema}.{part.name}"


def each_or_together(found: Iterable[Found], message: str) -> list[Found]:
    """Nobody reads the same sentence about hundreds of partitions: then it is one, `message`
    with `count` of them and the `first`."""
    each = list(found)
    if len(each) <= NAMED:
        return each
    values = {"count": len(each), "first": each[0].partition}
    details = {"count": len(each), "partitions": [one.partition for one in each[:NAMED]]}
    return [Found(each[0].kind, each[0].severity, message % values, details=details)]
