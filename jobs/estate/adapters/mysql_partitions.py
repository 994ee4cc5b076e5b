"""Partitioned tables of MariaDB and MySQL, from information_schema.PARTITIONS.

There is no default partition of a range: one with MAXVALUE, which catches whatever comes later,
is taken for it. Ranges have no gaps, since each begins where the one before ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal, NamedTuple

from jobs.estate.adapters import errors
from jobs.estate.adapters.mysql_bounds import (
    Reckoning,
    column_of,
    reckoning_by_function,
    reckoning_by_type,
)
from jobs.estate.adapters.mysql_connection import MysqlConnection, quoted
from jobs.estate.adapters.mysql_looks import Looks
from jobs.estate.adapters.mysql_visibility import databases, no_right_to_tables, unopened_tables
from jobs.estate.adapters.partitions import Partition, PartitionedTable, PartitionListing

PARTITIONS = """
SELECT TABLE_SCHEMA, TABLE_NAME, PARTITION_ORDINAL_POSITION, PARTITION_NAME, PARTITION_METHOD,
  COALESCE(PARTITION_EXPRESSION, ''), COALESCE(PARTITION_DESCRIPTION, ''),
  DATA_LENGTH + INDEX_LENGTH, TABLE_ROWS
FROM information_schema.PARTITIONS
WHERE PARTITION_NAME IS NOT NULL
ORDER BY CAST(TABLE_SCHEMA AS BINARY), CAST(TABLE_NAME AS BINARY), PARTITION_ORDINAL_POSITION
"""

COLUMN_TYPE = """
SELECT COLUMN_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND COLUMN_NAME = %s
"""

METHODS: dict[str, Literal["range", "list", "hash"]] = {
    "RANGE": "range",
    "SYSTEM_TIME": "range",
    "LIST": "list",
}
"""By the first word; all others (HASH, LINEAR HASH, KEY, LINEAR KEY) are a hash."""


class Row(NamedTuple):
    """One of PARTITIONS: a partition, or where there are any, a subpartition."""

    database: str
    table: str
    position: int
    name: str
    method: str
    key: str
    description: str
    size_bytes: int | None
    rows_estimate: int | None


def read_partitions(connection: MysqlConnection) -> PartitionListing:
    """Sizes are DATA_LENGTH and INDEX_LENGTH, rows what the engine estimates. Raises what
    `databases` raises."""
    rows, unread = _read(connection)
    looks = Looks(connection)
    tables = [
        _table(connection, looks, list(same))
        for _name, same in groupby(rows, key=lambda row: (row.database, row.table))
    ]
    for name, sees_all in databases(connection).items():
        if not sees_all:
            unread[name] = no_right_to_tables(connection, name)
    return PartitionListing(tuple(tables), unread)


def _read(connection: MysqlConnection) -> tuple[list[Row], dict[str, str]]:
    """All rows, and why any databases' are incomplete.

    MariaDB leaves out, with a warning, what it cannot open, be it broken or locked for a moment.
    What is no longer locked when one asks which it was is tried again.
    """
    warnings: list[str] = []
    for _attempt in range(2):
        rows = [Row(*row) for row in connection.execute(PARTITIONS)]
        warnings = connection.warnings()
        unread = unopened_tables(connection) if warnings else {}
        if unread or not warnings:
            return rows, unread
    raise errors.InstanceError(" ".join(warnings))


def _table(connection: MysqlConnection, looks: Looks, rows: Sequence[Row]) -> PartitionedTable:
    """One whose partitions' rows these are, in their order."""
    first = rows[0]
    defaults = _defaults(looks, rows)
    partitions = [
        _partition(list(same), defaults)
        for _position, same in groupby(rows, key=lambda row: row.position)
    ]
    reckoning = _reckoning(connection, first)
    if reckoning:
        try:
            partitions = list(_with_bounds(partitions, reckoning))
        except ValueError:
            reckoning = None
    return PartitionedTable(
        database=first.database,
        schema="",
        name=first.table,
        method=METHODS.get(first.method.partition(" ")[0], "hash"),
        key=first.key,
        kind=reckoning.kind if reckoning else "other",
        partitions=tuple(partitions),
        has_default_rows=_has_rows(looks, first, defaults),
    )


def _partition(rows: Sequence[Row], defaults: Iterable[str]) -> Partition:
    """`rows` are one, or one for each of its subpartitions."""
    return Partition(
        name=rows[0].name,
        is_default=rows[0].name in defaults,
        size_bytes=_sum(row.size_bytes for row in rows),
        rows_estimate=_sum(row.rows_estimate for row in rows),
        expression=rows[0].description,
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _with_bounds(partitions: Iterable[Partition], reckoning: Reckoning) -> Iterator[Partition]:
    lower = None
    for partition in partitions:
        upper = None if partition.is_default else reckoning.read(partition.expression)
        yield replace(partition, lower=lower, upper=upper)
        lower = upper


def _reckoning(connection: MysqlConnection, row: Row) -> Reckoning | None:
    if not row.method.startswith("RANGE"):
        return None
    column = column_of(row.key)
    if column is None:
        return reckoning_by_function(row.key)
    found = connection.execute(COLUMN_TYPE, [row.database, row.table, column])
    return reckoning_by_type(found[0][0]) if found else None


def _defaults(looks: Looks, rows: Sequence[Row]) -> frozenset[str]:
    """Names of the partitions that take whatever no other does; there is one at most."""
    method = rows[0].method
    if method == "LIST":
        return _defaults_of_list(looks, rows)
    if method in ("RANGE", "RANGE COLUMNS", "LIST COLUMNS"):
        return frozenset(row.name for row in rows if {"MAXVALUE"} == {*row.description.split(",")})
    return frozenset()


def _defaults_of_list(looks: Looks, rows: Sequence[Row]) -> frozenset[str]:
    """Those of MariaDB, which describes a DEFAULT as it does the list that is a mere 0."""
    suspects = {row.name for row in rows if row.description == "0"}
    if not suspects:
        return frozenset()
    place = quoted(rows[0].database, rows[0].table)
    definitions = looks.at(f"SHOW CREATE TABLE {place}") or []
    return frozenset(
        name
        for name in suspects
        for _name, definition in definitions
        if re.search(rf"PARTITION {re.escape(quoted(name))} DEFAULT\b", definition)
    )


def _has_rows(looks: Looks, table: Row, partitions: Iterable[str]) -> bool | None:
    """Whether the default partition does; None where there is none, or it is not known."""
    for name in partitions:
        place = f"{quoted(table.database, table.table)} PARTITION ({quoted(name)})"
        found = looks.at(f"SELECT 1 FROM {place} LIMIT 1")  # noqa: S608
        return None if found is None else bool(found)
    return None
