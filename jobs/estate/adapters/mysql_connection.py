"""A connection to MariaDB or MySQL over PyMySQL, bounded on both sides."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from django.utils.translation import gettext as _

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.mysql_errors import in_words, why_not_connected
from jobs.estate.adapters.mysql_line import DEFAULT_PORT, UNENCRYPTED, HangUp, dial, tls_context

PRODUCT = "MySQL / MariaDB"
OLDEST = {"MariaDB": (10, 5), "MySQL": (8, 0)}
"""Since then MariaDB's privileges have their present names, and MySQL has roles and windows."""

LOCK_TIMEOUT_S = 2
CLIENT_SLACK_S = 1.0
"""How much longer than the server's own timeout the client waits for it to strike."""

READABLE = ("mysql_clear_password", "dialog", "mysql_old_password")
"""Ways to log in that send the password as it is, or as good as that."""

PACKAGE_MISSING = RuntimeError
"""What PyMySQL raises where a way to log in needs a package, as ed25519 needs PyNaCl."""
NOT_THE_PROTOCOL = (struct.error, LookupError, ValueError, TypeError, pymysql.err.InternalError)
"""What PyMySQL raises over a greeting that is none."""

NOT_AN_ANSWER = (struct.error, IndexError, RuntimeError)
"""The same over answers; RuntimeError when a server asks for a file of this machine."""


class TimeOver(Exception):
    """The time of a visit has passed, or that of a statement."""


def quoted(*names: str) -> str:
    """An identifier, with its qualifiers before it, for a statement."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


class MysqlConnection:
    """An open connection. `version` is the server's, without the words of its packager.

    Statements raise pymysql.Error and TimeOver, which `in_words` translates.
    """

    def __init__(self, target: ConnectionTarget) -> None:
        self.target = target
        self._driver, self._hang_up = _open(target)
        self._ends_at = time.monotonic() + target.statement_timeout_s
        self._hang_up.at(self._ends_at + CLIENT_SLACK_S)
        try:
            with self.in_words():
                self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> None:
        [(version,)] = self._run("SELECT VERSION()")
        self.is_mariadb = "MariaDB" in version
        self.product = "MariaDB" if self.is_mariadb else "MySQL"
        self.version = require_supported(self.product, version)
        for statement in (
            f"SET SESSION lock_wait_timeout = {LOCK_TIMEOUT_S}",
            f"SET SESSION wait_timeout = {self.target.statement_timeout_s + 1}",
        ):
            self._run(statement)

    def start_reading(self) -> None:
        """Make this and every later transaction a read-only one. MySQL answers from its cache
        of table statistics unless it is told not to."""
        self._run("SET SESSION sql_mode = ''")
        self._run("SET SESSION TRANSACTION READ ONLY")
        if not self.is_mariadb:
            self._run("SET SESSION information_schema_stats_expiry = 0")
        self.release()

    def release(self) -> None:
        """Begin a new read-only transaction, so that no lock on a table's definition is kept."""
        self._run("START TRANSACTION READ ONLY")

    def execute(
        self, statement: str, params: Sequence[Any] = (), *, limit_s: float = float("inf")
    ) -> list[tuple[Any, ...]]:
        """Run a statement that the server itself ends when the visit's time is over, or earlier.

        On MySQL it does so with a SELECT alone.
        """
        began = time.monotonic()
        left_ms = int(min(self._ends_at - began, limit_s) * 1000)
        if left_ms <= 0:  # 0 would be no limit to the server
            raise TimeOver
        if self.is_mariadb:
            self._run(f"SET SESSION max_statement_time = {left_ms / 1000}")
        else:
            self._run(f"SET SESSION max_execution_time = {left_ms}")
        rows = self._run(statement, params)
        if time.monotonic() - began >= left_ms / 1000:
            raise TimeOver  # some functions that are cut off return all the same
        return rows

    def warnings(self) -> list[str]:
        """What the server warned of over the last statement."""
        return [text for _level, _number, text in self._run("SHOW WARNINGS")]

    def use(self, database: str) -> None:
        self._driver.select_db(database)

    def close(self) -> None:
        if self._driver.open:
            self._driver.close()
        self._hang_up.cancel()

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Errors of statements as kinds."""
        try:
            with in_words(self.target):
                yield
        except TimeOver:
            raise errors.DidNotAnswer(self.target.deadline_s) from None
        except errors.ConnectionLost:
            if self._hang_up.has_struck:
                raise errors.DidNotAnswer(self.target.deadline_s) from None
            raise

    def _run(self, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._driver.cursor() as cursor:
                cursor.execute(statement, params or None)
                return list(cursor.fetchall())
        except NOT_AN_ANSWER:
            raise errors.WrongProtocol(self.target.host, self.target.port, PRODUCT) from None


def require_supported(product: str, version: str) -> str:
    """`version` as far as its last number; raises TooOld."""
    found = re.match(r"(\d+)\.(\d+)[.\d]*", version)
    if found is None:
        raise errors.InstanceError(
            _("The server tells no version that can be understood: “%(version)s”.")
            % {"version": version}
        )
    oldest = OLDEST[product]
    if (int(found[1]), int(found[2])) < oldest:
        raise errors.TooOld(product, found[0], ".".join(map(str, oldest)))
    return found[0]


def _open(target: ConnectionTarget) -> tuple[pymysql.Connection, HangUp]:
    connect_by = time.monotonic() + target.connect_timeout_s
    driver = _driver(target)
    line = dial(target, connect_by)
    hang_up = HangUp(line)
    hang_up.at(connect_by)
    try:
        driver.connect(line)
    except (pymysql.Error, OSError, PACKAGE_MISSING, *NOT_THE_PROTOCOL) as error:
        hang_up.cancel()
        if hang_up.has_struck:
            raise errors.DidNotAnswer(target.connect_timeout_s) from None
        if isinstance(error, NOT_THE_PROTOCOL):
            raise errors.WrongProtocol(target.host, target.port, PRODUCT) from None
        raise why_not_connected(target, error) from None
    except BaseException:
        hang_up.cancel()
        raise
    return driver, hang_up


def _driver(target: ConnectionTarget) -> pymysql.Connection:
    """PyMySQL's connection, not yet connected. It reads no option file, sends no local file, and
    uses no TLS on a socket of this machine."""
    is_local = target.host.startswith("/")
    is_private = is_local or target.tls_mode not in UNENCRYPTED
    driver = pymysql.Connection(
        host=target.host,
        port=target.port or DEFAULT_PORT,
        password=target.password.encode(),
        database=target.database or None,
        charset="utf8mb4",
        autocommit=True,
        local_infile=False,
        ssl=tls_context(target),
        ssl_disabled=is_local or target.tls_mode == "disable",
        auth_plugin_map={} if is_private else dict.fromkeys(READABLE, NoReadablePassword),
        program_name="schedcore",
        defer_connect=True,
    )
    driver.user = target.username  # an empty one would become the process owner's name
    return driver


class NoReadablePassword:
    """In place of the ways to log in that are READABLE, on a line that others may listen to."""

    def __init__(self, connection: object) -> None:
        pass

    def authenticate(self, packet: object) -> None:
        raise errors.TlsFailed(
            _("The server wants to be sent the password readable. Set the TLS mode to “require”.")
        )
