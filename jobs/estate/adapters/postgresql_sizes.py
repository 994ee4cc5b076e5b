"""How big the databases of a PostgreSQL server are.

Totals come from `pg_database_size` in one statement. For data and index bytes, and for the
largest tables, each database has to be connected to. That is done always, once a pass, since it
costs no more than 10 to 30 ms of each: the 30 s that a visit has by default are enough for 1,000
to 3,000. The biggest come first, so that those that are not reached, and keep None, are the ones
that matter least; an instance with more databases can be given a longer statement timeout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext as _
from psycopg import errors as pg

from jobs.estate.adapters.base import DatabaseSize, TableSize
from jobs.estate.adapters.postgresql_connection import Transaction
from jobs.estate.adapters.postgresql_databases import DatabaseEntry, ask_each, list_databases

GONE = (pg.InvalidCatalogName, pg.UndefinedObject)
"""What `pg_database_size` raises of a database that is not there: the second since 18."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Of one database; data with TOAST. The total of the same moment, and with the file of cached
    catalogs that the first connection leaves: so nothing seems to grow by being measured."""

    total_bytes: int | None
    data_bytes: int | None
    index_bytes: int | None
    largest_tables: tuple[TableSize, ...]


def measure(home: Transaction, largest_tables: int) -> Iterator[DatabaseSize]:
    """Every database; `problem` also says why the parts of one with a total are not known."""
    with home.in_words():
        entries = list_databases(home)
        totals = _totals(home, [entry.oid for entry in entries if entry.may_measure])
    entries.sort(key=lambda entry: totals.get(entry.oid, 0), reverse=True)
    measured = [entry for entry in entries if entry.oid in totals]
    parts = ask_each(home, measured, partial(_parts, largest_tables=largest_tables))
    nothing = Parts(None, None, None, ())
    for entry in entries:
        total = totals.get(entry.oid)
        if entry.may_measure and total is None:
            continue  # dropped while it was being measured
        known = parts.read.get(entry.name, nothing)
        yield DatabaseSize(
            name=entry.name,
            total_bytes=known.total_bytes or total,
            data_bytes=known.data_bytes,
            index_bytes=known.index_bytes,
            is_system=entry.is_system,
            problem=_problem(home, entry, parts.unread.get(entry.name, "")),
            largest_tables=known.largest_tables,
        )


def _problem(home: Transaction, entry: DatabaseEntry, reason: str) -> str:
    if entry.may_measure:
        return _("Only its total is known. %(reason)s") % {"reason": reason} if reason else ""
    return _("“%(username)s” needs CONNECT on “%(name)s”, or the role pg_read_all_stats.") % {
        "username": home.target.username,
        "name": entry.name,
    }


def _totals(home: Transaction, oids: Sequence[int]) -> dict[int, int]:
    """Bytes by oid; a database that has gone meanwhile is left out."""
    try:
        return _totals_at_once(home, oids)
    except GONE:  # one of them has gone: each on its own
        totals: dict[int, int] = {}
        for oid in oids:
            try:
                totals |= _totals_at_once(home, [oid])
            except GONE:
                continue
        return totals


def _totals_at_once(home: Transaction, oids: Sequence[int]) -> dict[int, int]:
    with home.aside():
        rows = home.rows(
            "SELECT oid, pg_database_size(oid) FROM unnest(%s::oid[]) AS wanted (oid)",
            [list(oids)],
        )
    return {oid: size for oid, size in rows if size is not None}


def _parts(there: Transaction, largest_tables: int) -> Parts:
    """The catalogs' own tables are among them: they fill the disk as well as any."""
    rows = there.rows(
        "WITH measured AS MATERIALIZED ("
        " SELECT nspname, relname, pg_table_size(pg_class.oid) AS data_bytes,"
        "  pg_indexes_size(pg_class.oid) AS index_bytes"
        " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE relkind IN ('r', 'm') AND NOT relisshared)"
        " SELECT nspname, relname, data_bytes + index_bytes,"
        "  (SELECT pg_database_size(current_database())),"
        "  sum(data_bytes) OVER ()::bigint, sum(index_bytes) OVER ()::bigint"
        " FROM measured ORDER BY 3 DESC NULLS LAST, 1, 2 LIMIT %s",
        [max(1, largest_tables)],
    )
    largest = [
        TableSize(schema, name, size)
        for schema, name, size, *_of_all in rows[:largest_tables]
        if size is not None  # dropped meanwhile
    ]
    total_bytes, data_bytes, index_bytes = rows[0][3:]
    return Parts(total_bytes, data_bytes, index_bytes, tuple(largest))
