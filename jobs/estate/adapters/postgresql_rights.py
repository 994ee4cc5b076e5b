"""Which rights an account lacks on a PostgreSQL server for all that is read there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.utils.translation import gettext as _
from psycopg.sql import Identifier

from jobs.estate.adapters.base import MissingRight
from jobs.estate.adapters.postgresql_connection import Transaction
from jobs.estate.adapters.postgresql_databases import DatabaseEntry, ask_all, list_databases

NAMED = 10
"""How many names a sentence holds."""

UNREADABLE_DEFAULTS = (
    "SELECT nspname, relname FROM pg_partitioned_table"
    " JOIN pg_class ON pg_class.oid = partdefid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE NOT (has_schema_privilege(relnamespace, 'USAGE')"
    "  AND has_any_column_privilege(pg_class.oid, 'SELECT'))"
    " AND relpersistence <> 't' ORDER BY 1, 2"
)


def missing_rights(home: Transaction) -> list[MissingRight]:
    """Checked by the server's own `has_…_privilege`, partitions in one database after another.
    What is in databases that are not reached in the visit's time is not told."""
    with home.in_words():
        entries = sorted(list_databases(home), key=lambda entry: entry.name)
        [(may_see_wal, may_see_passwords, may_see_memberships)] = home.rows(
            "SELECT has_function_privilege('pg_ls_waldir()', 'EXECUTE'),"
            " has_column_privilege('pg_authid', 'oid', 'SELECT')"
            "  AND has_column_privilege('pg_authid', 'rolpassword', 'SELECT'),"
            " has_table_privilege('pg_auth_members', 'SELECT')"
        )
    found = list(_on_databases(entries))
    if not may_see_wal:
        found.append(MissingRight(_("Size of the write-ahead log"), "pg_monitor"))
    if not may_see_passwords:
        right = _("SELECT on pg_authid (which shows the hashes too, so many do without)")
        found.append(MissingRight(_("Accounts: whether they have a password"), right))
    if not may_see_memberships:
        right = "SELECT on pg_auth_members"
        found.append(MissingRight(_("Accounts: memberships"), right))
    answers = ask_all(home, lambda there: there.rows(UNREADABLE_DEFAULTS))
    for database, tables in sorted(answers.read.items()):
        if tables:
            names = _some(Identifier(*table).as_string(home.connection) for table in tables)
            right = _("USAGE on its schema and SELECT on %(names)s in %(database)s")
            found.append(
                MissingRight(
                    _("Partitions: whether there are rows in a default partition"),
                    right % {"names": names, "database": database},
                )
            )
    return found


def _on_databases(entries: Sequence[DatabaseEntry]) -> Iterator[MissingRight]:
    asked = [entry for entry in entries if entry.is_worth_asking and entry.is_open]
    unmeasured = [entry.name for entry in asked if not entry.may_measure]
    closed = [entry.name for entry in asked if not entry.may_connect]
    if unmeasured:
        yield MissingRight(
            _("Sizes: of %(names)s") % {"names": _some(unmeasured)}, "pg_read_all_stats"
        )
    if closed:
        yield MissingRight(
            _("Sizes of data, indexes and tables; accounts' grants; partitions"),
            _("CONNECT on %(names)s") % {"names": _some(closed)},
        )


def _some(names: Iterable[str]) -> str:
    every = list(names)
    if len(every) <= NAMED:
        return ", ".join(every)
    return _("%(names)s and %(more)s more") % {
        "names": ", ".join(every[:NAMED]),
        "more": len(every) - NAMED,
    }
