"""A connection to MariaDB or MySQL over PyMySQL, bounded on both sides."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from django.utils.translation import gettext as _

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.mysql_errors import in_words, why_not_connected

PRODUCT = "MySQL / MariaDB"
DEFAULT_PORT = 3306
OLDEST = {"MariaDB": (10, 4), "MySQL": (8, 0)}
"""Since then MariaDB has mysql.global_priv, and MySQL roles and window functions."""

LOCK_TIMEOUT_S = 2
CLIENT_SLACK_S = 1.0
"""How much longer than the server's own timeout the client waits for it to strike."""

UNENCRYPTED = frozenset({"disable", "prefer"})
"""The TLS modes in which a line may turn out to be readable by others."""

NOT_THE_PROTOCOL = (struct.error, LookupError, ValueError, TypeError, pymysql.err.InternalError)
"""What PyMySQL raises over a greeting that is none."""


class TimeOver(Exception):
    """The time of a visit has passed."""


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

    def execute(self, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement that the server itself ends when the visit's time is over.

        On MySQL it does so with a SELECT alone.
        """
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeOver
        if self.is_mariadb:
            self._run(f"SET SESSION max_statement_time = {left_s:.3f}")
        else:
            self._run(f"SET SESSION max_execution_time = {left_s * 1000:.0f}")
        return self._run(statement, params)

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
        with self._driver.cursor() as cursor:
            cursor.execute(statement, params or None)
            return list(cursor.fetchall())


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


class HangUp:
    """Shuts a connection down at a moment. A timeout of the socket would begin anew with every
    byte that comes, and would not hold for the handshake of TLS."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line.dup()  # the driver may wrap the original up
        self._timer = threading.Timer(0, self._shut_down)
        self.has_struck = False

    def at(self, moment: float) -> None:
        """`moment` on the monotonic clock; the one before is forgotten."""
        self._timer.cancel()
        self._timer = threading.Timer(max(0.0, moment - time.monotonic()), self._shut_down)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()
        self._line.close()

    def _shut_down(self) -> None:
        self.has_struck = True
        with suppress(OSError):  # it has been closed already
            self._line.shutdown(socket.SHUT_RDWR)


class NoReadablePassword:
    """In place of the ways to log in that send the password as it is, or as good as that."""

    def __init__(self, connection: object) -> None:
        pass

    def authenticate(self, packet: object) -> None:
        raise errors.TlsFailed(
            _("The server wants to be sent the password readable. Set the TLS mode to “require”.")
        )


def _open(target: ConnectionTarget) -> tuple[pymysql.Connection, HangUp]:
    connect_by = time.monotonic() + target.connect_timeout_s
    context = _tls_context(target)
    line = _dial(target, connect_by)
    hang_up = HangUp(line)
    hang_up.at(connect_by)
    is_local = line.family == socket.AF_UNIX
    driver = pymysql.Connection(
        host=target.host,
        port=target.port or DEFAULT_PORT,
        password=target.password.encode(),
        database=target.database or None,
        charset="utf8mb4",
        autocommit=True,
        ssl=context,
        ssl_disabled=is_local or target.tls_mode == "disable",
        auth_plugin_map={}
        if is_local or target.tls_mode not in UNENCRYPTED
        else dict.fromkeys(
            ("mysql_clear_password", "dialog", "mysql_old_password"), NoReadablePassword
        ),
        program_name="schedcore",
        defer_connect=True,
    )
    driver.user = target.username  # an empty one would become the process owner's name
    try:
        driver.connect(line)
    except (pymysql.Error, OSError, *NOT_THE_PROTOCOL) as error:
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


def _tls_context(target: ConnectionTarget) -> ssl.SSLContext | None:
    """None where TLS is off or only preferred; then PyMySQL does the right thing by itself."""
    if target.tls_mode in UNENCRYPTED:
        return None
    try:
        context = ssl.create_default_context(cadata=target.ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise errors.TlsFailed(
            _("The CA certificates cannot be read: %(reason)s") % {"reason": error}
        ) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # those that MySQL makes itself are not strict
    context.check_hostname = target.tls_mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if target.tls_mode == "require" else ssl.CERT_REQUIRED
    return context


def _dial(target: ConnectionTarget, connect_by: float) -> socket.socket:
    """A connected socket: to the first address that answers, each with a share of the time."""
    addresses = _addresses(target)
    for waiting in range(len(addresses), 0, -1):
        family, address = addresses[-waiting]
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(max(0.001, (connect_by - time.monotonic()) / waiting))
            line.connect(address)
        except OSError as error:
            line.close()
            if waiting == 1:
                raise _why_not_reached(target, error) from None
        else:
            if family != socket.AF_UNIX:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line
    raise errors.NameNotFound(target.host)


def _addresses(target: ConnectionTarget) -> list[tuple[int, Any]]:
    """Family and address of each; a host that begins with a slash is the path of a socket."""
    if target.host.startswith("/"):
        return [(socket.AF_UNIX, target.host)]
    try:
        found = socket.getaddrinfo(
            target.host, target.port or DEFAULT_PORT, type=socket.SOCK_STREAM
        )
    except (OSError, ValueError):
        raise errors.NameNotFound(target.host) from None
    return [(family, address) for family, _kind, _protocol, _name, address in found]


def _why_not_reached(target: ConnectionTarget, error: OSError) -> errors.InstanceError:
    if isinstance(error, TimeoutError):
        return errors.DidNotAnswer(target.connect_timeout_s)
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return errors.Refused(target.host, target.port)
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return errors.Unreachable(target.host)
    return errors.InstanceError(errors.redacted(error, target.password))
