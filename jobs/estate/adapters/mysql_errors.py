"""What MariaDB and MySQL say went wrong, as kinds, by their error numbers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
from django.utils.translation import gettext as _
from pymysql.constants import CR, ER

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import ConnectionTarget

QUERY_TIMEOUT = 3024
"""MySQL's max_execution_time."""
STATEMENT_TIMEOUT = 1969
"""MariaDB's max_statement_time."""
MUST_CHANGE_PASSWORD = 1820
"""Raised by the first statement, not by the login."""

LOGIN = frozenset(
    {
        ER.ACCESS_DENIED_ERROR,
        1698,  # without a password
        ER.HOST_NOT_PRIVILEGED,
        ER.HOST_IS_BLOCKED,
        ER.NOT_SUPPORTED_AUTH_MODE,
        MUST_CHANGE_PASSWORD,
        1862,  # the same, and it may not even log in to do so
        3118,  # MySQL: the account is locked
        4151,  # MariaDB: the account is locked
        CR.CR_AUTH_PLUGIN_CANNOT_LOAD,
        CR.CR_AUTH_PLUGIN_ERR,
    }
)
TLS = frozenset({CR.CR_SSL_CONNECTION_ERROR, 3159})  # the latter: MySQL insists on it
LOST = frozenset(
    {
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_SERVER_LOST,
        ER.SERVER_SHUTDOWN,
        1927,  # MariaDB: the connection was killed
        4031,  # MySQL: it was idle for too long
    }
)
RIGHTS = frozenset(
    {
        ER.DBACCESS_DENIED_ERROR,
        ER.ACCESS_DENIED_ERROR,
        ER.TABLEACCESS_DENIED_ERROR,
        ER.COLUMNACCESS_DENIED_ERROR,
        ER.SPECIFIC_ACCESS_DENIED_ERROR,
        ER.PROCACCESS_DENIED_ERROR,
        1698,
    }
)
GONE = frozenset({ER.BAD_DB_ERROR, ER.NO_SUCH_TABLE})


def number_of(error: BaseException) -> int:
    """The server's or PyMySQL's number; 0 where there is none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


@contextmanager
def in_words(target: ConnectionTarget) -> Iterator[None]:
    """Errors of statements as kinds."""
    try:
        yield
    except pymysql.Error as error:
        raise _why(target, error) from None


def _why(target: ConnectionTarget, error: pymysql.Error) -> errors.InstanceError:
    number, reason = number_of(error), _reason(target, error)
    if number in (QUERY_TIMEOUT, STATEMENT_TIMEOUT):
        return errors.DidNotAnswer(target.deadline_s)
    if number in RIGHTS:
        return errors.RightsMissing(target.username, reason)
    if number == MUST_CHANGE_PASSWORD:
        return errors.LoginFailed(target.username, reason)
    if number in LOST or isinstance(error, pymysql.err.InterfaceError):
        return errors.ConnectionLost(reason)
    return errors.InstanceError(reason)


def why_not_connected(target: ConnectionTarget, error: Exception) -> errors.InstanceError:
    """The kind of what hindered the connection once the server had been reached."""
    cause = getattr(error, "original_exception", error)
    if isinstance(cause, ssl.SSLError):
        return errors.TlsFailed(errors.redacted(cause, target.password))
    number, reason = number_of(error), _reason(target, error)
    if number in TLS:
        return errors.TlsFailed(reason)
    if number in LOGIN:
        return errors.LoginFailed(target.username, reason)
    if number == ER.DBACCESS_DENIED_ERROR:
        return errors.RightsMissing(
            target.username,
            _("access to the database %(database)s") % {"database": target.database},
        )
    if number == ER.BAD_DB_ERROR:
        return errors.DatabaseNotFound(target.database)
    if number in LOST or isinstance(cause, ConnectionError):
        return errors.ConnectionLost(reason)
    return errors.InstanceError(reason)


def _reason(target: ConnectionTarget, error: BaseException) -> str:
    said = error.args[1] if number_of(error) and len(error.args) > 1 else error
    return errors.redacted(said, target.password)
