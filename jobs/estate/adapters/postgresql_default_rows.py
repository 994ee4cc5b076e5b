"""Whether there are rows in the default partitions of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from jobs.estate.adapters.postgresql_connection import Transaction

TOGETHER_S = 2.0
ALONE_S = 0.5
"""How long a look may take: a default partition that was emptied can have no row and a million
dead ones."""


IN_THE_WAY = (
    errors.QueryCanceled,
    errors.LockNotAvailable,
    errors.InsufficientPrivilege,
    errors.UndefinedTable,
)


@dataclass(frozen=True, slots=True)
class DefaultPartition:
    oid: int
    schema: str
    name: str


READABLE = (
    "SELECT oid FROM pg_class WHERE oid = ANY(%s::oid[])"
    " AND has_schema_privilege(relnamespace, 'USAGE') AND has_any_column_privilege(oid, 'SELECT')"
    # With row security there could be rows that are not shown; a foreign table is elsewhere.
    " AND NOT row_security_active(oid)"
    " AND NOT EXISTS (SELECT FROM pg_partition_tree(pg_class.oid) AS tree"
    "  JOIN pg_class AS leaf ON leaf.oid = tree.relid WHERE leaf.relkind = 'f')"
)
WITHOUT_A_PAGE = (
    "SELECT oid FROM pg_class"
    " WHERE oid = ANY(%s::oid[]) AND relkind = 'r' AND pg_relation_size(oid) = 0"
)


def read_default_rows(
    there: Transaction, partitions: Sequence[DefaultPartition]
) -> dict[int, bool]:
    """By oid; those that may not be read, are locked, or take too long are left out."""
    if not partitions:
        return {}
    readable = {oid for (oid,) in there.rows(READABLE, [[one.oid for one in partitions]])}
    hidden = [one.oid for one in partitions if one.oid not in readable]
    found = _look(there, [one for one in partitions if one.oid in readable])
    return found | dict.fromkeys(_empty(there, hidden), False)


def _empty(there: Transaction, oids: Sequence[int]) -> list[int]:
    """Those without a single page hold no row, and no right is needed to know that."""
    if not oids:
        return []
    try:
        with there.aside():
            return [oid for (oid,) in there.rows(WITHOUT_A_PAGE, [list(oids)])]
    except errors.LockNotAvailable:
        return []


def _look(there: Transaction, partitions: Sequence[DefaultPartition]) -> dict[int, bool]:
    """All in one statement, and each on its own only if that fails for one of them."""
    found = _exist(there.within(TOGETHER_S), partitions)
    if found is not None:
        return found
    rows: dict[int, bool] = {}
    for one in partitions:
        rows |= _exist(there.within(ALONE_S), [one]) or {}
    return rows


def _exist(there: Transaction, partitions: Iterable[DefaultPartition]) -> dict[int, bool] | None:
    statements = [
        SQL("SELECT {}::bigint, EXISTS (SELECT FROM {})").format(
            Literal(one.oid), Identifier(one.schema, one.name)
        )
        for one in partitions
    ]
    if not statements:
        return {}
    try:
        # Aside, so that the locks on these tables are let go at once.
        with there.aside():
            return dict(there.rows(SQL(" UNION ALL ").join(statements)))
    except IN_THE_WAY:
        return None
