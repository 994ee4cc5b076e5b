"""How a PostgreSQL server is reached: a transaction with an end, and every refusal in words."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, LiteralString

import psycopg
from psycopg import errors as pg
from psycopg.sql import SQL, Composed

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import ConnectionTarget

OLDEST = 12

LOCK_TIMEOUT_S = 1.0
CLIENT_SLACK_S = 1.0
"""How much longer than the server's own timeout the client waits for it to strike."""

NO_PASSFILE = "/nonexistent"
"""Else libpq would look into the process owner's ~/.pgpass."""

CONNECTION_GONE = ("08", "25P03", "25P04", "57P")
"""SQLSTATEs after which there is no connection any more; psycopg's own loss has none."""

READING = {"search_path": "pg_catalog", "timezone": "UTC", "datestyle": "ISO, YMD"}
"""So that what is read means the same on every server."""


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


class Transaction:
    """One transaction in one database. All its settings are local to it, so that a pooler may
    stand between, and the server itself ends each statement at `ends_at` (monotonic)."""

    def __init__(
        self,
        connection: BoundedConnection,
        target: ConnectionTarget,
        *,
        ends_at: float,
        patience_s: float,
    ) -> None:
        self.connection = connection
        self.target = target
        self.ends_at = ends_at
        self._patience_s = patience_s
        self._lock_timeout_s = LOCK_TIMEOUT_S

    def begin(
        self, settings: Mapping[str, str] = READING, *, lock_timeout_s: float = LOCK_TIMEOUT_S
    ) -> None:
        """Open it, with any settings that SET LOCAL takes. Raises InstanceError."""
        self.connection.ends_at = self.ends_at + CLIENT_SLACK_S
        self._lock_timeout_s = lock_timeout_s
        every = {
            **settings,
            "lock_timeout": str(int(lock_timeout_s * 1000)),
            "idle_in_transaction_session_timeout": str(self.target.statement_timeout_s * 1000),
        }
        with self.in_words():
            self.connection.execute(
                "SELECT pg_catalog.set_config(name, value, true)"
                " FROM ROWS FROM (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[]))"
                " AS setting (name, value)",
                [list(every), list(every.values())],
            )

    @property
    def version(self) -> int:
        """As in 150004 of 15.4."""
        return self.connection.info.server_version

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()

    def within(self, seconds: float) -> Transaction:
        """The same transaction, whose statements end earlier."""
        return Transaction(
            self.connection,
            self.target,
            ends_at=min(self.ends_at, time.monotonic() + seconds),
            patience_s=seconds,
        )

    def aside(self) -> AbstractContextManager[psycopg.Transaction]:
        """A part that may fail without the rest, and leaves no lock behind."""
        return self.connection.transaction(force_rollback=True)

    def rows(
        self, statement: LiteralString | SQL | Composed, params: Sequence[Any] = ()
    ) -> list[Any]:
        """Run a statement; raises psycopg's own errors, which `in_words` knows."""
        left_ms = max(1, int(self.left_s * 1000))
        self.connection.execute(
            "SELECT pg_catalog.set_config('statement_timeout', %s, true)", [str(left_ms)]
        )
        cursor = self.connection.execute(statement, params or None)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Errors of statements as kinds, by SQLSTATE."""
        password = self.target.password
        try:
            yield
        except (TimeOver, pg.QueryCanceled):
            raise errors.DidNotAnswer(round(self._patience_s, 1)) from None
        except pg.LockNotAvailable:
            raise errors.LockNotGranted(self._lock_timeout_s) from None
        except pg.InsufficientPrivilege as error:
            raise errors.RightsMissing(
                self.target.username, errors.redacted(error, password)
            ) from None
        except psycopg.Error as error:
            reason = errors.redacted(error, password)
            if self.connection.closed or (error.sqlstate or "").startswith(CONNECTION_GONE):
                raise errors.ConnectionLost(reason) from None
            raise errors.InstanceError(reason) from None


@contextmanager
def connected(target: ConnectionTarget, *, read_only: bool = True) -> Iterator[Transaction]:
    """A connection for one visit, its transaction not yet begun. Raises InstanceError."""
    connection = _open(target, "")
    try:
        _require_recent(connection)
        connection.read_only = read_only
        ends_at = time.monotonic() + target.statement_timeout_s
        yield Transaction(connection, target, ends_at=ends_at, patience_s=target.deadline_s)
    finally:
        connection.close()


@contextmanager
def connected_beside(home: Transaction, database: str, seconds: float) -> Iterator[Transaction]:
    """The same for another database of the server that `home` has reached, and for so long."""
    # The very address: the name may be slow to resolve, or lead to another server next time.
    address = home.connection.info.hostaddr
    patience_s = min(home.target.connect_timeout_s, max(1, int(seconds)))
    target = replace(home.target, database=database, connect_timeout_s=patience_s)
    ends_at = time.monotonic() + seconds
    connection = _open(target, address)
    try:
        connection.read_only = home.connection.read_only
        yield Transaction(connection, target, ends_at=ends_at, patience_s=seconds)
    finally:
        connection.close()


def _open(target: ConnectionTarget, address: str) -> BoundedConnection:
    if not address:
        _require_name(target)
    try:
        with _root_certificates(target) as root_certificates:
            return BoundedConnection.connect(
                host=target.host,
                hostaddr=address or None,
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
        raise why(target, error) from None


def _require_recent(connection: BoundedConnection) -> None:
    if connection.info.server_version < OLDEST * 10_000:
        version = connection.info.parameter_status("server_version") or ""
        raise errors.TooOld("PostgreSQL", version, str(OLDEST))


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


def why(target: ConnectionTarget, error: psycopg.Error) -> errors.InstanceError:
    """The kind of a failed connection. libpq hands on no SQLSTATE here, so its words decide."""
    reason = errors.redacted(error, target.password)
    said = reason.casefold()

    def says(*words: str) -> bool:
        return any(word in said for word in words)

    if says("fatal: permission denied for database"):
        return errors.RightsMissing(target.username, f"CONNECT on database {target.database}")
    if says("not currently accepting connections"):
        return errors.InstanceError(reason)
    if says("fatal: database", "no such database"):
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
