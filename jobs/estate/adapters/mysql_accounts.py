"""Accounts of MariaDB, from mysql.global_priv, and of MySQL, from mysql.user.

A superuser is who has SUPER on *.*, as ALL PRIVILEGES implies. An account without SUPER that is
in a role with it is none, but its membership is told. Of hashes of passwords only whether there
is one leaves the server.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pymysql

from jobs.estate.adapters import errors
from jobs.estate.adapters.accounts import Account, AccountListing, Grant
from jobs.estate.adapters.mysql_connection import MysqlConnection, quoted
from jobs.estate.adapters.mysql_errors import RIGHTS, number_of
from jobs.estate.adapters.mysql_grants import (
    Key,
    flag_columns,
    granted,
    grants,
    grants_of_bits,
    read_grants,
    read_memberships,
)

PASSWORD_PLUGINS = frozenset(
    {
        "mysql_native_password",
        "mysql_old_password",
        "ed25519",
        "parsec",
        "caching_sha2_password",
        "sha256_password",
    }
)
"""Those whose authentication_string is a hash, and empty when there is no password. What it
holds for others (PAM, LDAP, sockets) says nothing of a password."""

NO_LOGIN = "mysql_no_login"

CATALOGS = ("db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv")
CATALOGS_OF_MARIADB = ("global_priv", "roles_mapping")
CATALOGS_OF_MYSQL = ("user", "role_edges", "global_grants")

A_HASH = r'("authentication_string"\s*:\s*")(?:[^"\\]|\\.)++'
"""In global_priv.Priv; put out of sight by the server itself."""

TLS = {1: "any", 2: "x509", 3: "specified"}
"""What ssl_type in global_priv.Priv requires of a connection."""

LIMITS = (
    "max_questions",
    "max_updates",
    "max_connections",
    "max_user_connections",
    "max_statement_time",
)

USER_COLUMNS = {
    "name": "User",
    "host": "Host",
    "plugin": "plugin",
    "has_string": "COALESCE(authentication_string, '') <> ''",
    "account_locked": "account_locked",
    "password_expired": "password_expired",
    "password_lifetime": "password_lifetime",
    "password_last_changed": "UNIX_TIMESTAMP(password_last_changed)",
    "ssl_type": "ssl_type",
    "max_questions": "max_questions",
    "max_updates": "max_updates",
    "max_connections": "max_connections",
    "max_user_connections": "max_user_connections",
    "restrictions": "JSON_EXTRACT(User_attributes, '$.Restrictions')",
}
"""Of MySQL's mysql.user. User_attributes holds hashes too, of second passwords."""


def read_accounts(connection: MysqlConnection) -> AccountListing:
    """Every account with its grants and memberships; what may not be read is in its `unread`.

    Raises RightsMissing where the list itself may not be read, and EmptyAccountListing.
    """
    listed = list(_mariadb(connection) if connection.is_mariadb else _mysql(connection))
    if not listed:
        raise errors.EmptyAccountListing
    memberships = read_memberships(connection)
    other_grants = read_grants(connection)
    unread = {"memberships"} if memberships is None else set()
    unread |= {"grants"} if other_grants is None else set()
    return AccountListing(
        tuple(
            replace(
                account,
                memberships=tuple(sorted((memberships or {}).get(_key(account), ()))),
                grants=()
                if other_grants is None
                else tuple(sorted([*account.grants, *other_grants.get(_key(account), ())])),
                unread=frozenset(unread),
            )
            for account in listed
        )
    )


def unreadable_catalogs(connection: MysqlConnection) -> list[str]:
    """What `read_accounts` needs and may not SELECT from: mysql.*, or single tables of it."""
    tables = (*(CATALOGS_OF_MARIADB if connection.is_mariadb else CATALOGS_OF_MYSQL), *CATALOGS)
    unreadable = [f"mysql.{table}" for table in tables if not _may_read(connection, table)]
    return ["mysql.*"] if len(unreadable) == len(tables) else unreadable


def _may_read(connection: MysqlConnection, table: str) -> bool:
    try:
        connection.execute(f"SELECT * FROM {quoted('mysql', table)} LIMIT 0")  # noqa: S608
    except pymysql.Error as error:
        if number_of(error) in RIGHTS:
            return False
        raise
    return True


def _key(account: Account) -> Key:
    return account.name, account.host


def _mariadb(connection: MysqlConnection) -> Iterator[Account]:
    default_days = _default_lifetime(connection)
    known = {word.upper() for word, _context, _comment in connection.execute("SHOW PRIVILEGES")}
    for name, host, priv in connection.execute(
        r"SELECT User, Host, REGEXP_REPLACE(Priv, %s, '\\1-') FROM mysql.global_priv", [A_HASH]
    ):
        yield account_of_mariadb(name, host, json.loads(priv), default_days, known)


def account_of_mariadb(
    name: str, host: str, priv: Mapping[str, Any], default_days: int, known: Container[str]
) -> Account:
    """`priv` is Priv, but each authentication_string is empty or a mere sign.

    A `password_last_changed` of 0 means that the password has been declared expired.
    """
    lifetime = priv.get("password_lifetime", -1)
    changed = priv.get("password_last_changed")
    return _account(
        name,
        host,
        is_role=bool(priv.get("is_role")),
        methods=[] if priv.get("is_role") else _methods(priv),
        is_locked=bool(priv.get("account_locked")),
        is_expired=changed == 0,
        changed=changed,
        days=default_days if lifetime == -1 else lifetime,
        grants=tuple(grants_of_bits(int(priv.get("access", 0)), known)),
        attributes={
            "default_role": priv.get("default_role"),
            "tls": TLS.get(priv.get("ssl_type", 0)),
            **{limit: priv.get(limit) for limit in LIMITS},
        },
        raw=_without_hashes(priv),
    )


def _methods(priv: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Of each way to log in, its plugin and whether it has an authentication_string. An empty
    one of several stands for the one outside the list."""
    own = (priv.get("plugin", ""), bool(priv.get("authentication_string")))
    others = priv.get("auth_or") or [{}]
    return [
        (other["plugin"], bool(other.get("authentication_string"))) if "plugin" in other else own
        for other in others
    ]


def _without_hashes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_hashes(inner)
            for key, inner in value.items()
            if key != "authentication_string"
        }
    return [_without_hashes(inner) for inner in value] if isinstance(value, list) else value


def _mysql(connection: MysqlConnection) -> Iterator[Account]:
    default_days = _default_lifetime(connection)
    flags = flag_columns(connection, "user")
    wanted = ", ".join([*USER_COLUMNS.values(), *map(quoted, flags.values())])
    for row in connection.execute(f"SELECT {wanted} FROM mysql.user"):  # noqa: S608
        user = dict(zip(USER_COLUMNS, row, strict=False))
        privileges = granted(flags, row[len(USER_COLUMNS) :])
        yield account_of_mysql(user, privileges, default_days)


def account_of_mysql(
    user: Mapping[str, Any], privileges: Iterable[str], default_days: int
) -> Account:
    """`user` is a row of mysql.user by the keys of USER_COLUMNS.

    MySQL keeps roles as users. Taken for one is what is as CREATE ROLE makes it: locked,
    expired and without a password.
    """
    is_locked, is_expired = (user[flag] == "Y" for flag in ("account_locked", "password_expired"))
    is_role = is_locked and is_expired and not user["has_string"]
    lifetime = user["password_lifetime"]
    return _account(
        user["name"],
        user["host"],
        is_role=is_role,
        methods=[] if is_role else [(user["plugin"], bool(user["has_string"]))],
        is_locked=is_locked,
        is_expired=is_expired,
        changed=user["password_last_changed"],
        days=default_days if lifetime is None else lifetime,
        grants=tuple(grants("server", (), privileges)),
        attributes={
            "tls": user["ssl_type"].lower(),
            "restrictions": json.loads(user["restrictions"] or "null"),
            **{limit: user[limit] for limit in LIMITS if limit in user},
        },
        raw={key: value for key, value in user.items() if key not in ("name", "host")},
    )


def _default_lifetime(connection: MysqlConnection) -> int:
    """Days that a password lasts where its account says nothing else; 0 is for ever."""
    [(days,)] = connection.execute("SELECT @@default_password_lifetime")
    return int(days)


def _account(
    name: str,
    host: str,
    *,
    is_role: bool,
    methods: Sequence[tuple[str, bool]],
    is_locked: bool,
    is_expired: bool,
    changed: int | None,
    days: int,
    grants: tuple[Grant, ...],
    attributes: Mapping[str, Any],
    raw: Mapping[str, Any],
) -> Account:
    """`changed` is when the password was, in seconds since 1970, and `days` how long it lasts."""
    has_password = _has_password(methods)
    expires_at = None
    if has_password is not None and changed and days:
        expires_at = datetime.fromtimestamp(changed, UTC) + timedelta(days=days)
    return Account(
        name=name,
        host=host,
        is_role=is_role,
        can_login=not is_locked and any(plugin != NO_LOGIN for plugin, _has_string in methods),
        is_superuser=any(grant.privilege == "SUPER" for grant in grants),
        is_locked=is_locked,
        has_password=has_password,
        expires_at=expires_at,
        never_expires=None if has_password is None else not days and not is_expired,
        attributes={
            key: value
            for key, value in {
                "plugins": [plugin for plugin, _has_string in methods],
                "password_expired": is_expired and has_password is not None,
                **attributes,
            }.items()
            if value
        },
        grants=grants,
        raw=raw,
    )


def _has_password(methods: Iterable[tuple[str, bool]]) -> bool | None:
    """False as soon as one way with passwords has none; None where no way is one with them."""
    known = [has_string for plugin, has_string in methods if plugin in PASSWORD_PLUGINS]
    return all(known) if known else None
