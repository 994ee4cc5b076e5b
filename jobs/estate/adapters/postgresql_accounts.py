"""The roles of a PostgreSQL server and what they may do.

From `pg_roles`, `pg_auth_members` and, of each database that can be connected to, the ACLs.
PUBLIC is told as an account of its own, so that what is granted to everybody is seen. The
predefined roles (`pg_monitor` and the like) are no accounts, and appear as what others are
members of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.estate.adapters.accounts import Account, AccountListing, Grant, Membership, Scope
from jobs.estate.adapters.errors import EmptyAccountListing
from jobs.estate.adapters.postgresql_connection import Transaction
from jobs.estate.adapters.postgresql_databases import ask_all
from jobs.estate.adapters.postgresql_grants import (
    PUBLIC_OID,
    GrantEntry,
    grants_inside,
    grants_on_databases,
)

WITH_MEMBERSHIP_OPTIONS = 160_000

ROLES = (
    "SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,"
    " rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil::text,"
    # What Python's datetime cannot hold stays text, in `raw`.
    " CASE WHEN rolvaliduntil BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC' THEN rolvaliduntil"
    " END FROM pg_roles WHERE NOT rolname ^@ 'pg_'"
)
CATALOG_COLUMNS = (
    "oid",
    "rolname",
    "rolsuper",
    "rolinherit",
    "rolcreaterole",
    "rolcreatedb",
    "rolcanlogin",
    "rolreplication",
    "rolbypassrls",
    "rolconnlimit",
    "rolvaliduntil",
)


@dataclass(slots=True)
class Belongings:
    """What a role has, gathered from several catalogs."""

    memberships: list[Membership] = field(default_factory=list)
    grants: dict[tuple[Scope, tuple[str, ...], str], bool] = field(default_factory=dict)
    """Whether it may be granted on, by scope, path and privilege."""
    withheld: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, entry: GrantEntry) -> None:
        grant = entry.grant
        if entry.is_withheld:
            self.withheld.add((grant.scope, *grant.path, grant.privilege))
            return
        # Two grantors may have granted the same, only one of them with the grant option.
        key = (grant.scope, grant.path, grant.privilege)
        self.grants[key] = self.grants.get(key, False) or grant.is_grantable

    def sorted_grants(self) -> tuple[Grant, ...]:
        return tuple(Grant(*key, is_grantable) for key, is_grantable in sorted(self.grants.items()))


def read_accounts(home: Transaction) -> AccountListing:
    """Every role in a fixed number of statements, and one more for each database. Raises
    InstanceError."""
    with home.in_words():
        [(may_see_passwords, may_see_memberships)] = home.rows(
            "SELECT has_column_privilege('pg_authid', 'oid', 'SELECT')"
            " AND has_column_privilege('pg_authid', 'rolpassword', 'SELECT'),"
            " has_table_privilege('pg_auth_members', 'SELECT')"
        )
        roles = home.rows(ROLES)
        passwords = _passwords(home) if may_see_passwords else {}
        belongings: defaultdict[int, Belongings] = defaultdict(Belongings)
        if may_see_memberships:
            for member, membership in _memberships(home):
                belongings[member].memberships.append(membership)
        granted = grants_on_databases(home)
    if not roles:
        raise EmptyAccountListing
    inside = ask_all(home, grants_inside)
    for entry in (*granted, *(entry for found in inside.read.values() for entry in found)):
        belongings[entry.grantee].add(entry)

    unread = {
        name
        for name, is_read in (
            ("has_password", may_see_passwords),
            ("memberships", may_see_memberships),
        )
        if not is_read
    }
    accounts = [
        _account(row, belongings[row[0]], passwords.get(row[0]), frozenset(unread)) for row in roles
    ]
    names = {account.name for account in accounts}
    accounts.append(_public(belongings[PUBLIC_OID], names, is_whole=not inside.unread))
    return AccountListing(tuple(sorted(accounts, key=lambda one: one.name)), inside.unread)


def _passwords(home: Transaction) -> Mapping[int, bool]:
    """Whether there is one; the hash never leaves the server."""
    return dict(home.rows("SELECT oid, rolpassword IS NOT NULL FROM pg_authid"))


def _memberships(home: Transaction) -> Iterable[tuple[int, Membership]]:
    """By member. Of several grantors' the options are added up, as the server does."""
    options = (
        "bool_or(inherit_option), bool_or(set_option)"
        if home.version >= WITH_MEMBERSHIP_OPTIONS
        else "NULL::boolean, NULL::boolean"
    )
    rows = home.rows(
        f"SELECT member, rolname, bool_or(admin_option), {options}"  # noqa: S608 (constants)
        " FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = roleid"
        " GROUP BY member, rolname ORDER BY rolname"
    )
    for member, role, is_admin, inherits, may_set in rows:
        yield member, Membership(role, is_admin, inherits, may_set)


def _account(
    row: tuple[Any, ...],
    belongings: Belongings,
    has_password: bool | None,
    unread: frozenset[str],
) -> Account:
    raw = dict(zip(CATALOG_COLUMNS, row, strict=False))
    limit = raw["rolconnlimit"]
    return Account(
        name=raw["rolname"],
        is_role=not raw["rolcanlogin"],
        can_login=raw["rolcanlogin"],
        is_superuser=raw["rolsuper"],
        has_password=has_password,
        expires_at=row[-1],
        never_expires=raw["rolvaliduntil"] in (None, "infinity"),
        attributes={
            "inherit": raw["rolinherit"],
            "create_role": raw["rolcreaterole"],
            "create_database": raw["rolcreatedb"],
            "replication": raw["rolreplication"],
            "bypass_row_security": raw["rolbypassrls"],
            "connection_limit": None if limit < 0 else limit,
        },
        memberships=tuple(belongings.memberships),
        grants=belongings.sorted_grants(),
        raw=raw,
        unread=unread,
    )


def _public(belongings: Belongings, names: set[str], *, is_whole: bool) -> Account:
    """Everybody. No role can be called "public", but one may be called "PUBLIC"."""
    return Account(
        name="public" if "PUBLIC" in names else "PUBLIC",
        is_role=True,
        can_login=False,
        is_superuser=False,
        attributes={"withheld": [list(path) for path in sorted(belongings.withheld)]},
        grants=belongings.sorted_grants(),
        unread=frozenset() if is_whole else frozenset({"attributes"}),
    )
