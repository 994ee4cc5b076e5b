"""The partitioned tables of a PostgreSQL server.

From `pg_partitioned_table`, `pg_inherits` and `pg_class`, in a fixed number of statements a
database, however many partitions there are. A partition that is partitioned itself counts with
the size of what is below it, and is told as a table of its own too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from jobs.estate.adapters.partitions import Bound, Partition, PartitionedTable, PartitionListing
from jobs.estate.adapters.postgresql_bounds import (
    DEFAULT,
    KINDS,
    Kind,
    NotUnderstood,
    parse_range,
)
from jobs.estate.adapters.postgresql_connection import Transaction
from jobs.estate.adapters.postgresql_databases import ask_all
from jobs.estate.adapters.postgresql_default_rows import DefaultPartition, read_default_rows
from jobs.estate.adapters.postgresql_leftovers import Parent, read_leftovers
from jobs.estate.adapters.postgresql_locks import LOCKED

METHODS: dict[str, Literal["range", "list", "hash"]] = {"r": "range", "l": "list", "h": "hash"}

WITH_PENDING_DETACH = WITH_UNKNOWN_ROWS = 140_000

TABLES = (
    "SELECT pg_class.oid, nspname, relname, pg_get_userbyid(relowner), partstrat::text,"
    # pg_get_partkeydef would wait for a lock, so it is left to keys that hold expressions.
    " CASE WHEN partexprs IS NULL THEN ("
    "   SELECT string_agg(quote_ident(attname), ', ' ORDER BY place)"
    "   FROM unnest(partattrs::int2[]) WITH ORDINALITY AS part (number, place)"
    "   JOIN pg_attribute ON attrelid = partrelid AND attnum = number)"
    "  ELSE substring(pg_get_partkeydef(pg_class.oid) FROM '\\((.*)\\)$') END,"
    " atttypid::regtype::text, current_database()"
    " FROM pg_partitioned_table JOIN pg_class ON pg_class.oid = partrelid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " LEFT JOIN pg_attribute"
    "  ON attrelid = partrelid AND partnatts = 1 AND attnum = partattrs[0] AND attnum > 0"
    " WHERE relpersistence <> 't'"
)
PARTITIONS = (
    "SELECT inhparent, inhrelid, nspname, relname, relkind::text,"
    # With the partition's oid it would wait for a lock on it; a bound holds no columns.
    " pg_get_expr(relpartbound, 0)"
    " FROM pg_inherits JOIN pg_partitioned_table ON partrelid = inhparent"
    " JOIN pg_class ON pg_class.oid = inhrelid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE relpersistence <> 't' AND relpartbound IS NOT NULL"
)
NOT_BEING_DETACHED = " AND NOT inhdetachpending"
MEASURES = (
    "WITH RECURSIVE leaf AS MATERIALIZED ("  # noqa: S608 (constants)
    " SELECT oid, is_locked,"
    "  CASE WHEN relkind = 'r' AND NOT is_locked THEN pg_total_relation_size(oid) END"
    "   AS size_bytes,"
    "  CASE WHEN relkind = 'r' AND reltuples >= 0 AND (relpages > 0 OR %s)"
    "   THEN reltuples::bigint END AS row_count"
    f" FROM (SELECT *, %s OR oid IN ({LOCKED}) AS is_locked FROM pg_class) AS one"
    " WHERE relispartition AND relkind IN ('r', 'f') AND relpersistence <> 't'"
    "), below (partition, oid) AS ("
    " SELECT inhrelid, inhrelid FROM pg_inherits"
    "  JOIN pg_partitioned_table ON partrelid = inhparent"
    " UNION ALL"
    " SELECT partition, inhrelid FROM below JOIN pg_inherits ON inhparent = below.oid"
    ") SELECT partition, CASE WHEN NOT bool_or(is_locked) THEN sum(size_bytes)::bigint END,"
    " CASE WHEN bool_and(row_count IS NOT NULL) THEN sum(row_count)::bigint END"
    " FROM below JOIN leaf USING (oid) GROUP BY partition"
)
MISSING_INDEXES = (
    "SELECT attached.inhrelid, index.relname"
    " FROM pg_inherits AS attached"
    " JOIN pg_partitioned_table ON partrelid = attached.inhparent"
    " JOIN pg_class AS partition ON partition.oid = attached.inhrelid"
    "  AND partition.relkind IN ('r', 'p') AND partition.relpersistence <> 't'"
    " JOIN pg_index ON pg_index.indrelid = attached.inhparent"
    " JOIN pg_class AS index ON index.oid = pg_index.indexrelid"
    " WHERE NOT EXISTS (SELECT FROM pg_inherits AS part"
    "  JOIN pg_index AS own ON own.indexrelid = part.inhrelid"
    "  WHERE part.inhparent = pg_index.indexrelid AND own.indrelid = attached.inhrelid"
    # A partition that is partitioned itself has an invalid one while one below it lacks it.
    "   AND (own.indisvalid OR partition.relkind = 'p'))"
    " ORDER BY index.relname"
)


@dataclass(frozen=True, slots=True)
class TableRow:
    oid: int
    schema: str
    name: str
    owner: str
    method: Literal["range", "list", "hash"]
    key: str
    kind: Kind
    has_zone: bool
    database: str


@dataclass(frozen=True, slots=True)
class PartitionRow:
    parent: int
    oid: int
    schema: str
    name: str
    relkind: str
    expression: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What further statements told, by the partition's oid; of leftovers by the table's."""

    sizes: Mapping[int, tuple[int | None, int | None]]
    """Bytes and rows; no bytes where a lock is in the way."""
    missing_indexes: Mapping[int, Sequence[str]]
    default_rows: Mapping[int, bool]
    leftovers: Mapping[int, tuple[str, ...]]


def read_partitions(home: Transaction) -> PartitionListing:
    """Raises InstanceError."""
    with home.in_words():
        answers = ask_all(home, _tables_here)
    tables = [table for found in answers.read.values() for table in found]
    tables.sort(key=lambda table: (table.database, table.schema, table.name))
    return PartitionListing(tuple(tables), answers.unread)


def _tables_here(there: Transaction) -> list[PartitionedTable]:
    tables = [_table_row(row) for row in there.rows(TABLES)]
    if not tables:
        return []
    partitions: defaultdict[int, list[PartitionRow]] = defaultdict(list)
    pending = NOT_BEING_DETACHED if there.version >= WITH_PENDING_DETACH else ""
    for row in there.rows(PARTITIONS + pending):
        partitions[row[0]].append(PartitionRow(*row))
    facts = Facts(
        sizes=_sizes(there),
        missing_indexes=_missing_indexes(there),
        default_rows=read_default_rows(there, _default_partitions(partitions.values())),
        leftovers=read_leftovers(there, _parents(tables, partitions)),
    )
    return [_table(table, partitions[table.oid], facts) for table in tables]


def _table_row(row: tuple[Any, ...]) -> TableRow:
    oid, schema, name, owner, strategy, key, key_type, database = row
    method = METHODS[strategy]
    kind: Kind = KINDS.get(key_type, "other") if method == "range" else "other"
    has_zone = key_type == "timestamp with time zone"
    return TableRow(oid, schema, name, owner, method, key, kind, has_zone, database)


def _sizes(there: Transaction) -> dict[int, tuple[int | None, int | None]]:
    """If a table is locked just then, no sizes: of rows only the estimates, which need no lock."""
    knows_unknown = there.version >= WITH_UNKNOWN_ROWS
    try:
        with there.aside():
            rows = there.rows(MEASURES, [knows_unknown, False])
    except psycopg.errors.LockNotAvailable:
        rows = there.rows(MEASURES, [knows_unknown, True])
    return {oid: (size_bytes, row_count) for oid, size_bytes, row_count in rows}


def _missing_indexes(there: Transaction) -> dict[int, list[str]]:
    missing: defaultdict[int, list[str]] = defaultdict(list)
    for oid, index in there.rows(MISSING_INDEXES):
        missing[oid].append(index)
    return missing


def _default_partitions(rows: Iterable[list[PartitionRow]]) -> list[DefaultPartition]:
    return [
        DefaultPartition(row.oid, row.schema, row.name)
        for of_table in rows
        for row in of_table
        if row.expression == DEFAULT
    ]


def _parents(
    tables: Iterable[TableRow], partitions: Mapping[int, list[PartitionRow]]
) -> dict[int, Parent]:
    return {
        table.oid: Parent(
            table.name,
            tuple(row.name for row in partitions.get(table.oid, []) if row.schema == table.schema),
        )
        for table in tables
    }


def _table(table: TableRow, rows: Sequence[PartitionRow], facts: Facts) -> PartitionedTable:
    kind = table.kind
    bounds: dict[int, tuple[Bound | None, Bound | None]] = {}
    if kind != "other":
        try:
            bounds = {
                row.oid: parse_range(row.expression, kind, has_zone=table.has_zone)
                for row in rows
                if row.expression != DEFAULT
            }
        except NotUnderstood:
            kind = "other"
    partitions = [_partition(row, bounds.get(row.oid, (None, None)), facts) for row in rows]
    default = next((row for row in rows if row.expression == DEFAULT), None)
    return PartitionedTable(
        database=table.database,
        schema=table.schema,
        name=table.name,
        method=table.method,
        key=table.key,
        kind=kind,
        partitions=tuple(sorted(partitions, key=_place)),
        has_default_rows=facts.default_rows.get(default.oid) if default else None,
        leftovers=facts.leftovers.get(table.oid, ()),
        is_zoned=table.has_zone if kind == "moment" else None,
        owner=table.owner,
    )


def _partition(
    row: PartitionRow, bounds: tuple[Bound | None, Bound | None], facts: Facts
) -> Partition:
    nothing_below = (0, 0) if row.relkind == "p" else (None, None)
    size_bytes, rows_estimate = facts.sizes.get(row.oid, nothing_below)
    lower, upper = bounds
    return Partition(
        name=row.name,
        schema=row.schema,
        lower=lower,
        upper=upper,
        is_default=row.expression == DEFAULT,
        size_bytes=size_bytes,
        rows_estimate=rows_estimate,
        missing_indexes=tuple(facts.missing_indexes.get(row.oid, ())),
        expression=row.expression,
    )


def _place(partition: Partition) -> tuple[Any, ...]:
    """By bound, those without a lower one first; the default partition last."""
    has_lower = partition.lower is not None
    return (partition.is_default, has_lower, partition.lower if has_lower else 0, partition.name)
