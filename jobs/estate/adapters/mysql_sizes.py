"""Sizes of databases and tables on MariaDB and MySQL, from information_schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.estate.adapters.base import DatabaseSize, TableSize
from jobs.estate.adapters.mysql_connection import MysqlConnection
from jobs.estate.adapters.mysql_visibility import (
    IS_UNOPENED,
    databases,
    no_right_to_tables,
    unopened,
)

SYSTEM_DATABASES = frozenset({"mysql", "information_schema", "performance_schema", "sys"})

TABLES = f"""
SELECT db, name, bytes, data_bytes, index_bytes, is_unread, comment
FROM (
  SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name, TABLE_COMMENT AS comment,
    is_unread, data_length + index_length AS bytes,
    SUM(data_length) OVER whole AS data_bytes, SUM(index_length) OVER whole AS index_bytes,
    ROW_NUMBER() OVER (
      PARTITION BY CAST(TABLE_SCHEMA AS BINARY)
      ORDER BY is_unread DESC, data_length + index_length DESC, TABLE_NAME
    ) AS place
  FROM (
    SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_COMMENT,
      COALESCE(DATA_LENGTH, 0) AS data_length, COALESCE(INDEX_LENGTH, 0) AS index_length,
      {IS_UNOPENED} AS is_unread
    FROM information_schema.TABLES
    WHERE TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW')
  ) AS measured
  WINDOW whole AS (PARTITION BY CAST(TABLE_SCHEMA AS BINARY))
) AS placed
WHERE place <= %s
ORDER BY place
"""  # noqa: S608
"""CAST, since information_schema compares without regard to case, and databases differ by it."""


@dataclass(slots=True)
class Measured:
    """What is known of one database; `unread` is the first table that the server cannot open."""

    data_bytes: int = 0
    index_bytes: int = 0
    unread: str = ""
    tables: list[TableSize] = field(default_factory=list)


def read_sizes(connection: MysqlConnection, largest_tables: int) -> Iterator[DatabaseSize]:
    """Sums over information_schema.TABLES: DATA_LENGTH, in which InnoDB keeps rows with their
    primary key, and INDEX_LENGTH.

    That is what is allocated to tables, without what is free in their files and without the
    logs. InnoDB reckons it anew after a tenth of a table's rows have changed, or on ANALYZE.
    """
    measured = _measure(connection, largest_tables)
    for name, sees_all in databases(connection).items():  # second, so without the dropped ones
        found = measured.get(name, Measured())
        problem = found.unread if sees_all else no_right_to_tables(connection, name)
        yield DatabaseSize(
            name=name,
            total_bytes=None if problem else found.data_bytes + found.index_bytes,
            data_bytes=None if problem else found.data_bytes,
            index_bytes=None if problem else found.index_bytes,
            is_system=name in SYSTEM_DATABASES,
            problem=problem,
            largest_tables=() if problem else tuple(found.tables[:largest_tables]),
        )


def _measure(connection: MysqlConnection, largest_tables: int) -> dict[str, Measured]:
    """By name, of each database with tables, in one statement."""
    measured: dict[str, Measured] = {}
    for db, name, size, data_bytes, index_bytes, is_unread, comment in connection.execute(
        TABLES, [max(1, largest_tables)]
    ):
        found = measured.setdefault(db, Measured(int(data_bytes), int(index_bytes)))
        found.tables.append(TableSize("", name, int(size)))
        if is_unread and not found.unread:
            found.unread = unopened(name, comment)
    return measured
