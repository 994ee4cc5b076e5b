"""MariaDB 10.5 and newer and MySQL 8.0 and newer, over PyMySQL.

What the account needs, each on *.* unless it says otherwise:

- SHOW DATABASES, or else nobody could tell a hidden database from a dropped one;
- SELECT, to measure every table and see into default partitions; REFERENCES in its place
  measures them too, and leaves the data out of its reach;
- SELECT on mysql.*, for accounts and grants;
- BINLOG MONITOR (MariaDB) or REPLICATION CLIENT (MySQL), for the size of the binary log.

It is tested on MariaDB. It has never been run against MySQL 8, where it differs in:
`max_execution_time`, `information_schema_stats_expiry`, and the catalog of accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import pymysql
from django.utils.translation import gettext as _
from pymysql.constants import ER

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
from jobs.estate.adapters.mysql_accounts import read_accounts, unreadable_catalogs
from jobs.estate.adapters.mysql_changes import MysqlChanger
from jobs.estate.adapters.mysql_connection import PRODUCT, MysqlConnection
from jobs.estate.adapters.mysql_errors import RIGHTS, number_of
from jobs.estate.adapters.mysql_line import DEFAULT_PORT
from jobs.estate.adapters.mysql_partitions import read_partitions
from jobs.estate.adapters.mysql_sizes import read_sizes
from jobs.estate.adapters.mysql_visibility import databases, lists_every_database
from jobs.estate.adapters.partitions import PartitionListing
from jobs.estate.adapters.registry import register


@register
class MysqlAdapter(Adapter):
    engine = "mysql"
    label = PRODUCT
    default_port = DEFAULT_PORT
    has_hosts = True

    @contextmanager
    def connect(self, target: ConnectionTarget) -> Iterator[Session]:
        with closing(MysqlConnection(target)) as connection:
            with connection.in_words():
                connection.start_reading()
            yield MysqlSession(connection)

    @contextmanager
    def connect_to_change(self, target: ConnectionTarget) -> Iterator[Changer]:
        with closing(MysqlConnection(target)) as connection:
            yield MysqlChanger(connection)


class MysqlSession(Session):
    """Read-only transactions. Settings are the session's own and go with it."""

    def __init__(self, connection: MysqlConnection) -> None:
        self._connection = connection

    def server_info(self) -> ServerInfo:
        """`wal_bytes` are the binary log's, from SHOW BINARY LOGS; None where none is written,
        or without the right to see it."""
        with self._connection.in_words():
            [(zone, system_zone)] = self._connection.execute(
                "SELECT @@time_zone, @@system_time_zone"
            )
            wal_bytes = self._log_bytes()
        return ServerInfo(
            MysqlAdapter.engine,
            f"{self._connection.version} ({self._connection.product})",
            system_zone if zone == "SYSTEM" else zone,
            wal_bytes,
        )

    def missing_rights(self) -> list[MissingRight]:
        with self._connection.in_words():
            return list(self._missing_rights())

    def database_names(self) -> list[str]:
        with self._connection.in_words():
            return list(databases(self._connection))

    def _read_sizes(self, largest_tables: int) -> Iterable[DatabaseSize]:
        with self._connection.in_words():
            return list(read_sizes(self._connection, largest_tables))

    def accounts(self) -> AccountListing:
        with self._connection.in_words():
            return read_accounts(self._connection)

    def partitions(self) -> PartitionListing:
        with self._connection.in_words():
            return read_partitions(self._connection)

    def _missing_rights(self) -> Iterator[MissingRight]:
        if not lists_every_database(self._connection):
            yield MissingRight(_("database sizes and partitions"), "SHOW DATABASES on *.*")
        elif not all(databases(self._connection).values()):
            yield MissingRight(_("database sizes and partitions"), "SELECT on *.*")
        for catalog in unreadable_catalogs(self._connection):
            yield MissingRight(_("accounts"), f"SELECT on {catalog}")
        [(is_log_written,)] = self._connection.execute("SELECT @@log_bin")
        if is_log_written and self._log_bytes() is None:
            right = "BINLOG MONITOR" if self._connection.is_mariadb else "REPLICATION CLIENT"
            yield MissingRight(_("size of the binary log"), f"{right} on *.*")

    def _log_bytes(self) -> int | None:
        try:
            files = self._connection.execute("SHOW BINARY LOGS")
        except pymysql.Error as error:
            if number_of(error) in RIGHTS | {ER.NO_BINARY_LOGGING}:
                return None
            raise
        return sum(int(file[1]) for file in files)
