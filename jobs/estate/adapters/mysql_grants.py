"""Grants and memberships of MariaDB and MySQL, from the tables of their catalog.

information_schema is of no use for them: MariaDB leaves roles out of USER_PRIVILEGES, and gives
in SCHEMA_PRIVILEGES to each role what it has from others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pymysql

from jobs.estate.adapters.accounts import Grant, Membership, Scope
from jobs.estate.adapters.mysql_connection import MysqlConnection, quoted
from jobs.estate.adapters.mysql_errors import RIGHTS, number_of

Key = tuple[str, str]
"""Name and host of an account; the host of one of MariaDB's roles is empty."""

WORDS = {
    "CREATE TMP TABLE": "CREATE TEMPORARY TABLES",
    "DELETE VERSIONING ROWS": "DELETE HISTORY",
    "REPL CLIENT": "REPLICATION CLIENT",
    "REPL SLAVE": "REPLICATION SLAVE",
    "SHOW DB": "SHOW DATABASES",
}
"""Where the catalog has other words than the statement GRANT."""

BITS = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "RELOAD",
    "SHUTDOWN",
    "PROCESS",
    "FILE",
    "GRANT",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "SHOW DATABASES",
    "SUPER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "REPLICATION SLAVE",
    "BINLOG MONITOR",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "CREATE USER",
    "EVENT",
    "TRIGGER",
    "CREATE TABLESPACE",
    "DELETE HISTORY",
    "SET USER",
    "FEDERATED ADMIN",
    "CONNECTION ADMIN",
    "READ_ONLY ADMIN",
    "REPLICATION SLAVE ADMIN",
    "REPLICATION MASTER ADMIN",
    "BINLOG ADMIN",
    "BINLOG REPLAY",
    "SLAVE MONITOR",
    "SHOW CREATE ROUTINE",
)
"""Of `access` in MariaDB's mysql.global_priv, the lowest first (sql/privilege.h)."""


def grants_of_bits(access: int, known: Container[str]) -> Iterator[Grant]:
    """Those on the server, of MariaDB. Its installer sets all 64 bits, of which only those count
    whose privilege is `known` to the server."""
    names = [name for place, name in enumerate(BITS) if access >> place & 1]
    return grants("server", (), [name for name in names if name in known or name == "GRANT"])


def grants(scope: Scope, path: tuple[str, ...], words: Iterable[str]) -> Iterator[Grant]:
    """One of each word in the catalog's spelling, where GRANT alone is none, but makes the others
    grantable; alone it is the privilege USAGE, which is none either."""
    spelled = [word.upper() for word in words if word]
    privileges = [WORDS.get(word, word) for word in spelled if word != "GRANT"]
    is_grantable = "GRANT" in spelled
    if is_grantable and not privileges:
        privileges = ["USAGE"]
    for privilege in privileges:
        yield Grant(scope, path, privilege, is_grantable)


def read_grants(connection: MysqlConnection) -> Mapping[Key, Sequence[Grant]] | None:
    """Those below the server, of every account; None where one of the tables may not be read.

    A database is named as in the grant, perhaps with wildcards: `sales\\_%`. A routine's path is
    its database, FUNCTION or PROCEDURE, and its name. PROXY is on the server, with the account
    that one may act as for a path.
    """
    found: defaultdict[Key, list[Grant]] = defaultdict(list)
    readers: list[Callable[[MysqlConnection], Iterable[tuple[Key, Iterable[Grant]]]]] = [
        _on_databases,
        _on_tables,
        _on_routines,
        _proxies,
    ]
    if not connection.is_mariadb:
        readers.append(_dynamic)
    for read in readers:
        try:
            for key, some in read(connection):
                found[key].extend(some)
        except pymysql.Error as error:
            if number_of(error) in RIGHTS:
                return None
            raise
    return found


def read_memberships(connection: MysqlConnection) -> Mapping[Key, Sequence[Membership]] | None:
    """Of every account; None where the table may not be read. A role of MySQL has a host."""
    statement = (
        "SELECT User, Host, Role, Admin_option FROM mysql.roles_mapping"
        if connection.is_mariadb
        else "SELECT TO_USER, TO_HOST, CONCAT(FROM_USER, '@', FROM_HOST), WITH_ADMIN_OPTION"
        " FROM mysql.role_edges"
    )
    try:
        rows = connection.execute(statement)
    except pymysql.Error as error:
        if number_of(error) in RIGHTS:
            return None
        raise
    found: defaultdict[Key, list[Membership]] = defaultdict(list)
    for name, host, role, is_admin in rows:
        found[name, host].append(Membership(role, is_admin == "Y"))
    return found


def flag_columns(connection: MysqlConnection, table: str) -> dict[str, str]:
    """Names of the columns of a catalog table that stand for a privilege, by its word."""
    rows = connection.execute(
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
        [table],
    )
    return {
        name.removesuffix("_priv").replace("_", " "): name
        for (name,) in rows
        if name.endswith("_priv")
    }


def granted(words: Iterable[str], flags: Sequence[Any]) -> list[str]:
    return [word for word, flag in zip(words, flags, strict=True) if flag == "Y"]


def _on_databases(connection: MysqlConnection) -> Iterator[tuple[Key, Iterable[Grant]]]:
    columns = flag_columns(connection, "db")
    wanted = ", ".join(map(quoted, ["User", "Host", "Db", *columns.values()]))
    for name, host, database, *flags in connection.execute(f"SELECT {wanted} FROM mysql.db"):  # noqa: S608
        yield (name, host), grants("database", (database,), granted(columns, flags))


def _on_tables(connection: MysqlConnection) -> Iterator[tuple[Key, Iterable[Grant]]]:
    """On tables and on columns; the latter may be granted on where the table says so."""
    grantable: set[tuple[str, ...]] = set()
    for name, host, database, table, words in connection.execute(
        "SELECT User, Host, Db, Table_name, Table_priv FROM mysql.tables_priv"
    ):
        if "Grant" in words.split(","):
            grantable.add((name, host, database, table))
        yield (name, host), grants("table", (database, table), words.split(","))
    for name, host, database, table, column, words in connection.execute(
        "SELECT User, Host, Db, Table_name, Column_name, Column_priv FROM mysql.columns_priv"
    ):
        may_grant = ["Grant"] if (name, host, database, table) in grantable else []
        yield (
            (name, host),
            grants("column", (database, table, column), [*words.split(","), *may_grant]),
        )


def _on_routines(connection: MysqlConnection) -> Iterator[tuple[Key, Iterable[Grant]]]:
    for name, host, database, kind, routine, words in connection.execute(
        "SELECT User, Host, Db, Routine_type, Routine_name, Proc_priv FROM mysql.procs_priv"
    ):
        yield (name, host), grants("routine", (database, kind, routine), words.split(","))


def _proxies(connection: MysqlConnection) -> Iterator[tuple[Key, Iterable[Grant]]]:
    for name, host, as_name, as_host, may_grant in connection.execute(
        "SELECT User, Host, Proxied_user, Proxied_host, With_grant FROM mysql.proxies_priv"
    ):
        words = ["PROXY", *(["GRANT"] if may_grant else [])]
        yield (name, host), grants("server", (f"{as_name}@{as_host}",), words)


def _dynamic(connection: MysqlConnection) -> Iterator[tuple[Key, Iterable[Grant]]]:
    """MySQL's privileges that have no column of their own."""
    for name, host, word, may_grant in connection.execute(
        "SELECT USER, HOST, PRIV, WITH_GRANT_OPTION FROM mysql.global_grants"
    ):
        yield (name, host), grants("server", (), [word, *(["GRANT"] if may_grant == "Y" else [])])
