"""Whether there are rows in the default partitions of a PostgreSQL database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from jobs.estate.adapters.postgresql_connection import Transaction
from jobs.estate.adapters.postgresql_locks import LOCKED

TOGETHER = 50
"""Tables a statement: for as long as that takes, each of them is locked with its indexes, in a
table of locks that the whole server shares."""

TOGETHER_S = 2.0
ALONE_S = 0.5
"""How long a look may take: a default partition that was emptied can have no row and a million
dead ones."""

IN_VAIN_S = 5.0
"""How long looks may take in all that lead to nothing, before no further one is begun."""

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
    # Not pg_partition_tree, which locks what is below.
    "WITH RECURSIVE below (top, oid) AS ("  # noqa: S608 (constants)
    " SELECT oid, oid FROM unnest(%s::oid[]) AS wanted (oid)"
    " UNION ALL SELECT top, inhrelid FROM below JOIN pg_inherits ON inhparent = below.oid"
    ") SELECT oid FROM pg_class WHERE oid IN (SELECT top FROM below)"
    " AND has_schema_privilege(relnamespace, 'USAGE') AND has_any_column_privilege(oid, 'SELECT')"
    # With row security there could be rows that are not shown; a foreign table is elsewhere.
    " AND NOT row_security_active(oid)"
    " AND oid NOT IN (SELECT top FROM below JOIN pg_class AS leaf USING (oid)"
    f"  WHERE leaf.relkind = 'f' OR oid IN ({LOCKED}))"
)
WITHOUT_A_PAGE = (
    "SELECT oid FROM pg_class WHERE oid = ANY(%s::oid[]) AND relkind = 'r'"  # noqa: S608
    f" AND CASE WHEN oid NOT IN ({LOCKED}) THEN pg_relation_size(oid) = 0 END"
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
    """Many in one statement, and each on its own only if that fails for one of them."""
    rows: dict[int, bool] = {}
    left_s = IN_VAIN_S
    for first in range(0, len(partitions), TOGETHER):
        waiting = [partitions[first : first + TOGETHER]]
        limit_s = TOGETHER_S
        while waiting and left_s > 0:
            some = waiting.pop()
            began = time.monotonic()
            found = _exist(there.within(min(limit_s, left_s)), some)
            if found is not None:
                rows |= found
                continue
            left_s -= time.monotonic() - began
            if len(some) > 1:
                waiting, limit_s = [[one] for one in some], ALONE_S
    return rows


def _exist(there: Transaction, partitions: Sequence[DefaultPartition]) -> dict[int, bool] | None:
    statements = [
        SQL("SELECT {}::bigint, EXISTS (SELECT FROM {})").format(
            Literal(one.oid), Identifier(one.schema, one.name)
        )
        for one in partitions
    ]
    try:
        # Aside, so that the locks on these tables are let go at once.
        with there.aside():
            return dict(there.rows(SQL(" UNION ALL ").join(statements)))
    except IN_THE_WAY:
        return None
