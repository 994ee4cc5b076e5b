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
    "SELECT oid,"
    # Without a single page there is no row, and no right is needed to say so.
    " relkind = 'r' AND pg_relation_size(oid) = 0,"
    # With row security it could be rows of others that are there; a foreign table is elsewhere.
    " has_schema_privilege(relnamespace, 'USAGE') AND has_any_column_privilege(oid, 'SELECT')"
    "  AND NOT row_security_active(oid) AND NOT EXISTS (SELECT FROM pg_partition_tree(oid) AS tree"
    "   JOIN pg_class AS leaf ON leaf.oid = tree.relid WHERE leaf.relkind = 'f')"
    " FROM pg_class WHERE oid = ANY(%s::oid[])"
)


def read_default_rows(
    there: Transaction, partitions: Sequence[DefaultPartition]
) -> dict[int, bool]:
    """By oid; those that may not be read, are locked, or take too long are left out."""
    if not partitions:
        return {}
    try:
        with there.aside():
            looks = there.rows(READABLE, [[one.oid for one in partitions]])
    except errors.LockNotAvailable:
        return {}
    found = {oid: False for oid, is_empty, _may_read in looks if is_empty}
    readable = {oid for oid, is_empty, may_read in looks if may_read and not is_empty}
    return found | _look(there, [one for one in partitions if one.oid in readable])


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
