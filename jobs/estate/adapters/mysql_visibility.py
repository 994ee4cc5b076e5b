"""What an account is shown. MariaDB and MySQL leave out in silence what it has no right to see,
so that a database or table that is hidden looks like one that was dropped."""

from __future__ import annotations

import re

import pymysql
from django.utils.translation import gettext as _

from jobs.estate.adapters import errors
from jobs.estate.adapters.mysql_connection import MysqlConnection, quoted
from jobs.estate.adapters.mysql_errors import GONE, RIGHTS, number_of

SHOWS_DATABASES = frozenset({"ALL PRIVILEGES", "SHOW DATABASES"})
SHOWS_TABLES = frozenset({"ALL PRIVILEGES", "SELECT", "INSERT", "UPDATE", "REFERENCES"})
"""Each of them on *.* shows every database, table and column in information_schema."""

IS_UNOPENED = "(ENGINE IS NULL OR (ENGINE = 'InnoDB' AND DATA_LENGTH IS NULL))"
"""A condition on information_schema.TABLES. Without the length, MariaDB would not try to open."""

NO_TABLE = "no table has this name, as is hoped"


def databases(connection: MysqlConnection) -> dict[str, bool]:
    """Every database by name, and whether all its tables are seen.

    Raises RightsMissing where databases may be hidden.
    """
    if not lists_every_database(connection):
        raise errors.RightsMissing(connection.target.username, "SHOW DATABASES on *.*")
    names = _names(connection)
    if _rights_on_everything(connection) & SHOWS_TABLES:
        return dict.fromkeys(names, True)
    seen = {name: _may_select_from(connection, name) for name in names}
    still_there = set(_names(connection))
    return {name: sees_all for name, sees_all in seen.items() if name in still_there}


def no_right_to_tables(connection: MysqlConnection, database: str) -> str:
    """A sentence for a database that is not wholly seen."""
    return _("“%(username)s” needs SELECT on all tables of “%(name)s”.") % {
        "username": connection.target.username,
        "name": database,
    }


def unopened_tables(connection: MysqlConnection) -> dict[str, str]:
    """By database, a sentence about a table of it that the server cannot open, and why."""
    return {
        database: unopened(table, reason)
        for database, table, reason in connection.execute(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES"  # noqa: S608
            f" WHERE {IS_UNOPENED} AND TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW')"
        )
    }


def unopened(table: str, reason: str) -> str:
    return _("The table “%(table)s” cannot be read: %(reason)s") % {
        "table": table,
        "reason": reason,
    }


def lists_every_database(connection: MysqlConnection) -> bool:
    return bool(_rights_on_everything(connection) & (SHOWS_DATABASES | SHOWS_TABLES))


def _names(connection: MysqlConnection) -> list[str]:
    rows = connection.execute("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
    return [name for (name,) in rows]


def _rights_on_everything(connection: MysqlConnection) -> frozenset[str]:
    """Privileges on *.*, those of active roles among them. Where MySQL has taken some back for
    single databases (partial_revokes), only what that cannot touch."""
    rows = [text for (text,) in connection.execute("SHOW GRANTS")]
    found = [re.match(r"GRANT (.+?) ON \*\.\* TO ", text) for text in rows]
    rights = frozenset(right for match in found if match for right in match[1].split(", "))
    if any(text.startswith("REVOKE ") for text in rows):
        return rights & {"SHOW DATABASES"}
    return rights


def _may_select_from(connection: MysqlConnection, database: str) -> bool:
    """Whether it may SELECT from every table of a database.

    The server answers itself, by which error a table that is not there raises: to work it out
    from the grants, one would have to know the order of its patterns, its roles and PUBLIC.
    """
    if database == "information_schema":
        return True
    try:
        connection.execute(f"SELECT 1 FROM {quoted(database, NO_TABLE)} LIMIT 0")  # noqa: S608
    except pymysql.Error as error:
        if number_of(error) in RIGHTS:
            return False
        if number_of(error) not in GONE:
            raise
    return True
