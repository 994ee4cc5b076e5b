"""PostgreSQL 12 and newer, over psycopg 3.

The account needs CONNECT on each database to read what is in it, or the role
`pg_read_all_stats` to know at least its total size, and `pg_monitor` for the size of the
write-ahead log. Whether accounts have a password is told only to who may read `pg_authid`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from jobs.estate.adapters.accounts import AccountListing
from jobs.estate.adapters.base import (
    Adapter,
    Changer,
    ConnectionTarget,
    DatabaseSize,
    MissingRight,
    ServerInfo,
    Session,
)
from jobs.estate.adapters.partitions import PartitionListing
from jobs.estate.adapters.postgresql_accounts import read_accounts
from jobs.estate.adapters.postgresql_change import PostgresqlChanger
from jobs.estate.adapters.postgresql_connection import Transaction, connected
from jobs.estate.adapters.postgresql_databases import list_databases
from jobs.estate.adapters.postgresql_partitions import read_partitions
from jobs.estate.adapters.postgresql_rights import missing_rights
from jobs.estate.adapters.postgresql_sizes import measure
from jobs.estate.adapters.registry import register


@register
class PostgresqlAdapter(Adapter):
    engine = "postgresql"
    label = "PostgreSQL"
    default_port = 5432
    default_database = "postgres"

    @contextmanager
    def connect(self, target: ConnectionTarget) -> Iterator[Session]:
        with connected(target) as home:
            home.begin()
            yield PostgresqlSession(home)

    @contextmanager
    def connect_to_change(self, target: ConnectionTarget) -> Iterator[Changer]:
        with connected(target, read_only=False) as home:
            yield PostgresqlChanger(home)


class PostgresqlSession(Session):
    """`home` is in the maintenance database; the others are connected to one after another."""

    def __init__(self, home: Transaction) -> None:
        self._home = home
        self._connection = home.connection

    def server_info(self) -> ServerInfo:
        """`wal_bytes` from `pg_ls_waldir()`; None without the right to it."""
        with self._home.in_words():
            [(version, zone, may_see_wal)] = self._home.rows(
                "SELECT current_setting('server_version'),"
                # Not the present value, which is ours.
                " (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'),"
                " has_function_privilege('pg_ls_waldir()', 'EXECUTE')"
            )
            wal_bytes = None
            if may_see_wal:
                [(wal_bytes,)] = self._home.rows(
                    "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()"
                )
        return ServerInfo(PostgresqlAdapter.engine, version, zone, wal_bytes)

    def missing_rights(self) -> list[MissingRight]:
        return missing_rights(self._home)

    def database_names(self) -> list[str]:
        with self._home.in_words():
            entries = list_databases(self._home)
        return [entry.name for entry in entries if entry.is_worth_asking]

    def _read_sizes(self, largest_tables: int) -> Iterable[DatabaseSize]:
        return measure(self._home, largest_tables)

    def accounts(self) -> AccountListing:
        return read_accounts(self._home)

    def partitions(self) -> PartitionListing:
        return read_partitions(self._home)
