"""PostgreSQL 12 and newer, over psycopg 3.

The account needs CONNECT on each database, or the role `pg_read_all_stats`, to measure it,
and `pg_monitor` for the size of the write-ahead log.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from django.utils.translation import gettext as _
from psycopg import errors as pg

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import (
    Adapter,
    ConnectionTarget,
    DatabaseSize,
    MissingRight,
    ServerInfo,
    Session,
)
from jobs.estate.adapters.registry import register

SYSTEM_DATABASES = frozenset(
    {"template0", "template1", "rdsadmin", "cloudsqladmin", "azure_maintenance", "azure_sys"}
)
"""By name, not by `datistemplate`: a template of one's own takes space that one wants to see."""

LOCK_TIMEOUT_MS = 1000
CLIENT_SLACK_S = 1.0
"""How much longer than the server's own timeout the client waits for it to strike."""

NO_PASSFILE = "/nonexistent"
"""Else libpq would look into the process owner's ~/.pgpass."""


@register
class PostgresqlAdapter(Adapter):
    engine = "postgresql"
    label = "PostgreSQL"
    default_port = 5432
    default_database = "postgres"

    @contextmanager
    def connect(self, target: ConnectionTarget) -> Iterator[Session]:
        connection = _open(target)
        try:
            yield PostgresqlSession(connection, target)
        finally:
            connection.close()


class PostgresqlSession(Session):
    """One read-only transaction; all its settings are local to it, so that a pooler may stand
    between."""

    def __init__(self, connection: BoundedConnection, target: ConnectionTarget) -> None:
        self._connection = connection
        self._target = target
        self._ends_at = time.monotonic() + target.statement_timeout_s
        connection.ends_at = self._ends_at + CLIENT_SLACK_S
        with _in_words(target):
            connection.execute(
                "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true),"
                " pg_catalog.set_config('lock_timeout', %s, true),"
                " pg_catalog.set_config('idle_in_transaction_session_timeout', %s, true)",
                [str(LOCK_TIMEOUT_MS), str(target.statement_timeout_s * 1000)],
            )

    def server_info(self) -> ServerInfo:
        """`wal_bytes` from `pg_ls_waldir()`; None without the right to it."""
        with _in_words(self._target):
            [(version, zone, may_see_wal)] = self._rows(
                "SELECT current_setting('server_version'), current_setting('TimeZone'),"
                " has_function_privilege('pg_ls_waldir()', 'EXECUTE')"
            )
            wal_bytes = None
            if may_see_wal:
                [(wal_bytes,)] = self._rows(
                    "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()"
                )
        return ServerInfo(PostgresqlAdapter.engine, version, zone, wal_bytes)

    def _read_sizes(self, largest_tables: int) -> Iterable[DatabaseSize]:
        """Totals from `pg_database_size`. Data and index bytes are told of the database that
        the session is connected to, and of no other; the log belongs to the server."""
        with _in_words(self._target):
            listed = self._list()
            totals = self._totals(
                [oid for oid, _name, is_measurable, _own in listed if is_measurable]
            )
            data_bytes, index_bytes = self._parts()
        for oid, name, is_measurable, is_own in listed:
            total = totals.get(oid)
            if is_measurable and total is None:
                continue  # dropped while it was being measured
            yield DatabaseSize(
                name=name,
                total_bytes=total,
                data_bytes=data_bytes if is_own else None,
                index_bytes=index_bytes if is_own else None,
                is_system=name in SYSTEM_DATABASES,
                problem="" if is_measurable else self._right_to(name),
            )

    def missing_rights(self) -> list[MissingRight]:
        return []

    def _right_to(self, name: str) -> str:
        return _("“%(username)s” needs CONNECT on “%(name)s”, or the role pg_read_all_stats.") % {
            "username": self._target.username,
            "name": name,
        }

    def _list(self) -> list[tuple[int, str, bool, bool]]:
        """Of every database: oid, name, whether it can be measured, whether it is this one."""
        return self._rows(
            "SELECT oid, datname, coalesce(has_database_privilege(oid, 'CONNECT'), false)"
            " OR pg_has_role('pg_read_all_stats', 'USAGE'), datname = current_database()"
            " FROM pg_database"
        )

    def _totals(self, oids: Sequence[int]) -> dict[int, int]:
        """Bytes by oid; a database that has gone meanwhile is left out."""
        try:
            return self._totals_at_once(oids)
        except pg.InvalidCatalogName:  # one of them has gone: each on its own
            totals: dict[int, int] = {}
            for oid in oids:
                try:
                    totals |= self._totals_at_once([oid])
                except pg.InvalidCatalogName:
                    continue
            return totals

    def _totals_at_once(self, oids: Sequence[int]) -> dict[int, int]:
        with self._connection.transaction():
            rows = self._rows(
                "SELECT oid, pg_database_size(oid) FROM unnest(%s::oid[]) AS wanted (oid)",
                [list(oids)],
            )
        return {oid: size for oid, size in rows if size is not None}

    def _parts(self) -> tuple[int | None, int | None]:
        """Data (with TOAST) and index bytes; None when a lock or the time does not let us."""
        try:
            with self._connection.transaction():
                [(data_bytes, index_bytes)] = self._rows(
                    "SELECT sum(pg_table_size(oid))::bigint, sum(pg_indexes_size(oid))::bigint"
                    " FROM pg_class WHERE relkind IN ('r', 'm') AND NOT relisshared"
                )
        except (pg.LockNotAvailable, pg.QueryCanceled):
            return None, None
        return data_bytes, index_bytes

    def _rows(self, statement: LiteralString, params: Sequence[Any] = ()) -> list[Any]:
        """Run a statement that the server itself ends when the visit's time is over."""
        left_ms = max(1, int((self._ends_at - time.monotonic()) * 1000))
        self._connection.execute(
            "SELECT pg_catalog.set_config('statement_timeout', %s, true)", [str(left_ms)]
        )
        return self._connection.execute(statement, params or None).fetchall()


class TimeOver(Exception):
    pass


class BoundedConnection(psycopg.Connection[tuple[Any, ...]]):
    """Stops waiting at `ends_at` (monotonic), for a server too stuck to end a statement itself."""

    ends_at = float("inf")

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        return super().wait(self._bounded(gen), *args, **kwargs)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        # psycopg resumes the generator several times a second, ready or not.
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if time.monotonic() > self.ends_at:
                    raise TimeOver
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


def _open(target: ConnectionTarget) -> BoundedConnection:
    _require_name(target)
    try:
        with _root_certificates(target) as root_certificates:
            connection = BoundedConnection.connect(
                host=target.host,
                port=target.port,
                user=target.username,
                password=target.password,
                passfile=NO_PASSFILE,
                dbname=target.database,
                sslmode=target.tls_mode,
                sslrootcert=root_certificates,
                gssencmode="disable",
                connect_timeout=target.connect_timeout_s,
                application_name="schedcore",
                client_encoding="utf8",
                options="",
                prepare_threshold=None,
            )
    except pg.ConnectionTimeout:
        raise errors.DidNotAnswer(target.connect_timeout_s) from None
    except psycopg.Error as error:
        raise _why(target, error) from None
    connection.read_only = True
    return connection


@contextmanager
def _root_certificates(target: ConnectionTarget) -> Iterator[str | None]:
    """What libpq takes for `sslrootcert`: a path, or the word for the system's own."""
    if not target.ca:
        yield "system" if target.tls_mode == "verify-full" else None
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(target.ca)
        file.flush()
        yield file.name


def _require_name(target: ConnectionTarget) -> None:
    """Resolve the host ourselves: of a failed look-up libpq tells only in prose."""
    if target.host.startswith("/"):
        return
    try:
        socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise errors.NameNotFound(target.host) from None


def _why(target: ConnectionTarget, error: psycopg.Error) -> errors.InstanceError:
    """The kind of a failed connection. libpq hands on no SQLSTATE here, so its words decide."""
    reason = errors.redacted(error, target.password)
    said = reason.casefold()

    def says(*words: str) -> bool:
        return any(word in said for word in words)

    if says("fatal: permission denied for database"):
        return errors.RightsMissing(target.username, f"CONNECT on database {target.database}")
    if says("fatal: database"):
        return errors.DatabaseNotFound(target.database)
    if says("pg_hba.conf", "password", "authentication", "not permitted to log in", "fatal: role"):
        return errors.LoginFailed(target.username, reason.rpartition("FATAL: ")[2])
    if says("connection refused", "is the server running locally"):
        return errors.Refused(target.host, target.port)
    if says("timeout expired", "timed out"):
        return errors.DidNotAnswer(target.connect_timeout_s)
    if says("no route to host", "network is unreachable"):
        return errors.Unreachable(target.host)
    if says("ssl", "certificate", "tls"):
        return errors.TlsFailed(reason)
    if says("server closed the connection", "connection reset"):
        return errors.ConnectionLost(reason)
    return errors.InstanceError(reason)


@contextmanager
def _in_words(target: ConnectionTarget) -> Iterator[None]:
    """Errors of statements as kinds, by SQLSTATE."""
    try:
        yield
    except (TimeOver, pg.QueryCanceled):
        raise errors.DidNotAnswer(target.deadline_s) from None
    except pg.InsufficientPrivilege as error:
        raise errors.RightsMissing(
            target.username, errors.redacted(error, target.password)
        ) from None
    except psycopg.OperationalError as error:
        raise errors.ConnectionLost(errors.redacted(error, target.password)) from None
    except psycopg.Error as error:
        raise errors.InstanceError(errors.redacted(error, target.password)) from None
