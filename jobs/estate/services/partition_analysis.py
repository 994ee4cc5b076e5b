"""What is wrong with a partitioned table, from its listing alone. Pure.

Of a range by moment, day or number everything is looked at; of lists, hashes and ranges that
nobody can reckon with only what needs no bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from jobs.estate.adapters.partitions import Partition, PartitionedTable
from jobs.estate.models.finding import FindingKind
from jobs.estate.models.policy import PartitionPolicy
from jobs.estate.services import partition_condition, partition_coverage
from jobs.estate.services.partition_found import Found, Subject, label
from jobs.estate.services.partition_periods import periods_of
from jobs.estate.services.partition_ranges import present

PERIODS_AHEAD = 2
"""How many must be there beyond the one for now where no policy says it."""

CHECKS: tuple[Callable[[Subject], Iterable[Found]], ...] = (
    partition_coverage.check_now,
    partition_coverage.check_ahead,
    partition_coverage.check_gaps,
    partition_coverage.check_default_rows,
    partition_condition.check_sizes,
    partition_condition.check_number,
    partition_condition.check_indexes,
    partition_condition.check_leftovers,
)


def analyse(
    table: PartitionedTable,
    now: datetime,
    policy: PartitionPolicy | None = None,
    *,
    zones: Sequence[tzinfo] = (UTC,),
    within: Partition | None = None,
) -> list[Found]:
    """Everything worth a look. `now` is aware; the first of `zones` tells the day, the others
    are further ones that bounds may have been made in. `within` is the partition of another
    table that this one is: for what lies outside of it, it need not have any.
    """
    subject = Subject(
        table=table,
        now=now,
        zone=zones[0],
        periods=periods_of(table, zones),
        at=present(table, now, zones[0]) if table.method == "range" else None,
        ahead=PERIODS_AHEAD if policy is None else policy.premake,
        within=within,
    )
    return [found for check in CHECKS for found in check(subject)]


def unknown(table: PartitionedTable) -> Iterator[tuple[str, FindingKind]]:
    """Partitions of which the listing does not tell what could be a finding of that kind, as of
    one that was locked: not to be found is not to be gone then."""
    for part in table.partitions:
        if part.is_default and table.has_default_rows is None:
            yield label(table, part), FindingKind.DEFAULT_ROWS
        elif part.size_bytes is None:
            yield label(table, part), FindingKind.OVERSIZED


TableKey = tuple[str, str, str]
"""Database, schema and name."""


def key_of(table: PartitionedTable) -> TableKey:
    return table.database, table.schema, table.name


def nested(tables: Iterable[PartitionedTable]) -> Mapping[TableKey, Partition]:
    """Of each table that is itself a partition by the same key, that partition."""
    by_key = {key_of(table): table for table in tables}
    # Without schemas a partition is no table, though one may have its name.
    parents = {
        (table.database, part.schema or table.schema, part.name): (table, part)
        for table in by_key.values()
        if table.schema
        for part in table.partitions
    }
    found = {}
    for key, table in by_key.items():
        at = key
        while at in parents:
            parent, part = parents[at]
            if (parent.method, parent.key, parent.kind) == (table.method, table.key, table.kind):
                found[key] = part
                break
            at = key_of(parent)
    return found
