"""What PostgreSQL's roles are and may do, against the real server."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.estate.adapters import postgresql_accounts, postgresql_databases
from jobs.estate.adapters.accounts import Account, AccountListing, Grant, Membership
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.errors import EmptyListing
from jobs.estate.adapters.postgresql_connection import BoundedConnection
from jobs.estate.adapters.postgresql_databases import DatabaseEntry, list_databases
from tests.estate.conftest import POSTGRES, PostgresServer
from tests.estate.postgresql import to, visit

pytestmark = pytest.mark.once


def listing(target: ConnectionTarget | None = None) -> AccountListing:
    with visit(target or to()) as session:
        return session.accounts()


def account(name: str, target: ConnectionTarget | None = None) -> Account:
    [found] = [one for one in listing(target).accounts if one.name == name]
    return found


def grants_in(database: str, name: str) -> set[Grant]:
    return {grant for grant in account(name).grants if grant.path[0] == database}


def test_a_role_is_told_with_all_its_attributes(postgres: PostgresServer) -> None:
    plain = postgres.make_role(options="LOGIN")
    mighty = postgres.make_role(
        options="SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS NOINHERIT NOLOGIN"
        " CONNECTION LIMIT 7"
    )
    found = account(plain)
    assert (found.can_login, found.is_role, found.is_superuser) == (True, False, False)
    assert found.attributes == {
        "inherit": True,
        "create_role": False,
        "create_database": False,
        "replication": False,
        "bypass_row_security": False,
        "connection_limit": None,
    }
    assert found.is_locked is None, "there is no such thing here"
    assert found.grants == found.memberships == ()
    assert found.unread == frozenset()

    found = account(mighty)
    assert (found.can_login, found.is_role, found.is_superuser) == (False, True, True)
    assert found.attributes == {
        "inherit": False,
        "create_role": True,
        "create_database": True,
        "replication": True,
        "bypass_row_security": True,
        "connection_limit": 7,
    }
    assert found.raw["rolname"] == mighty
    assert found.raw["rolconnlimit"] == 7


@pytest.mark.parametrize(
    ("valid_until", "expires_at", "never"),
    [
        ("2031-05-06 07:08:09+02", datetime(2031, 5, 6, 5, 8, 9, tzinfo=UTC), False),
        ("infinity", None, True),
        ("-infinity", None, False),
        ("20000-01-01", None, False),
        ("0044-03-15 BC", None, False),
    ],
)
def test_an_end_is_told_in_utc_and_infinity_is_never(
    postgres: PostgresServer, valid_until: str, expires_at: datetime | None, never: bool
) -> None:
    role = postgres.make_role(options=f"LOGIN VALID UNTIL '{valid_until}'")
    endless = postgres.make_role()
    database = postgres.make_database()
    postgres.execute("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'", database)
    postgres.execute("ALTER DATABASE {} SET DateStyle = 'German'", database)
    found = account(role, to(database))
    assert (found.expires_at, found.never_expires) == (expires_at, never)
    assert account(endless).never_expires is True


def test_whether_there_is_a_password_is_told_and_never_its_hash(postgres: PostgresServer) -> None:
    with_one = postgres.make_role(options="LOGIN PASSWORD 'open sesame'")
    without = postgres.make_role()
    found = account(with_one)
    assert found.has_password is True
    assert account(without).has_password is False
    assert "SCRAM" not in repr(found)
    assert "md5" not in repr(found)
    assert "rolpassword" not in found.raw


def test_without_the_right_to_know_a_password_is_unknown_and_not_guessed(
    postgres: PostgresServer,
) -> None:
    watcher = postgres.make_role()
    with_one = postgres.make_role(options="LOGIN PASSWORD 'open sesame'")
    database = postgres.make_database()
    found = account(with_one, to(database, username=watcher))
    assert found.has_password is None
    assert found.unread == {"has_password"}
    assert found.can_login is True

    postgres.run_in(database, f'GRANT SELECT (oid, rolpassword) ON pg_authid TO "{watcher}"')
    found = account(with_one, to(database, username=watcher))
    assert found.has_password is True
    assert found.unread == frozenset()


def test_memberships_are_told_with_their_options(postgres: PostgresServer) -> None:
    group, member, admin = (postgres.make_role() for _count in range(3))
    postgres.execute("GRANT {} TO {}", group, member)
    postgres.execute("GRANT {} TO {} WITH ADMIN OPTION", group, admin)
    postgres.execute("GRANT pg_monitor TO {}", member)
    [(version,)] = postgres.execute("SELECT current_setting('server_version_num')::int")
    option = True if version >= 160_000 else None
    assert account(member).memberships == (
        Membership(group, False, option, option),
        Membership("pg_monitor", False, option, option),
    )
    assert account(admin).memberships == (Membership(group, True, option, option),)
    assert account(group).memberships == ()


def test_memberships_that_may_not_be_read_are_unread(postgres: PostgresServer) -> None:
    watcher, group = postgres.make_role(), postgres.make_role()
    postgres.execute("GRANT {} TO {}", group, watcher)
    database = postgres.make_database()
    postgres.run_in(database, "REVOKE SELECT ON pg_auth_members FROM PUBLIC")
    found = account(watcher, to(database, username=watcher))
    assert found.memberships == ()
    assert "memberships" in found.unread


def test_predefined_roles_are_no_accounts(postgres: PostgresServer) -> None:
    assert not [one.name for one in listing().accounts if one.name.startswith("pg_")]


@pytest.mark.parametrize("name", ["Sales", "two words", 'quo"ted', "it's", "dot.ted", "größe_角色"])
def test_a_name_is_told_exactly_as_the_server_has_it(postgres: PostgresServer, name: str) -> None:
    role = postgres.make_role(f"{name}_{uuid.uuid4().hex[:8]}")
    group = postgres.make_role(f"{name} group {uuid.uuid4().hex[:8]}", "NOLOGIN")
    database = postgres.make_database(f"{name}_{uuid.uuid4().hex[:8]}")
    quoted = '"' + name.replace('"', '""') + '"'
    grantee = '"' + role.replace('"', '""') + '"'
    postgres.run_in(database, f"CREATE SCHEMA {quoted}")
    postgres.run_in(database, f"CREATE TABLE {quoted}.{quoted} ({quoted} int)")
    postgres.run_in(database, f"GRANT SELECT ({quoted}) ON {quoted}.{quoted} TO {grantee}")
    postgres.execute("GRANT {} TO {}", group, role)
    found = account(role)
    assert found.grants == (Grant("column", (database, name, name, name), "SELECT"),)
    assert [membership.role for membership in found.memberships] == [group]


OBJECTS = """
CREATE SCHEMA shop;
CREATE TABLE word (id int, text text);
CREATE VIEW v AS SELECT 1;
CREATE SEQUENCE s;
CREATE FUNCTION f(i int, t text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
"""
RIGHTS: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "CONNECT ON DATABASE {database}": ("database", (), "CONNECT"),
    "CREATE ON DATABASE {database}": ("database", (), "CREATE"),
    "USAGE ON SCHEMA shop": ("schema", ("shop",), "USAGE"),
    "CREATE ON SCHEMA pg_catalog": ("schema", ("pg_catalog",), "CREATE"),
    "TRUNCATE ON word": ("table", ("public", "word"), "TRUNCATE"),
    "SELECT ON v": ("table", ("public", "v"), "SELECT"),
    "USAGE ON SEQUENCE s": ("table", ("public", "s"), "USAGE"),
    "SELECT ON pg_authid": ("table", ("pg_catalog", "pg_authid"), "SELECT"),
    "INSERT ON information_schema.sql_features": (
        "table",
        ("information_schema", "sql_features"),
        "INSERT",
    ),
    "UPDATE (text) ON word": ("column", ("public", "word", "text"), "UPDATE"),
    "EXECUTE ON FUNCTION f(int, text)": (
        "routine",
        ("public", "f(i integer, t text)"),
        "EXECUTE",
    ),
    "EXECUTE ON FUNCTION pg_ls_waldir()": (
        "routine",
        (
            "pg_catalog",
            "pg_ls_waldir(OUT name text, OUT size bigint, OUT modification timestamp with time"
            " zone)",
        ),
        "EXECUTE",
    ),
    "EXECUTE ON PROCEDURE p()": ("routine", ("public", "p()"), "EXECUTE"),
}


@pytest.mark.parametrize("is_grantable", [False, True])
def test_each_kind_of_right_is_told_with_its_path(
    postgres: PostgresServer, is_grantable: bool
) -> None:
    role, database = postgres.make_role(), postgres.make_database()
    usual = grants_in(database, "PUBLIC")
    postgres.run_in(database, OBJECTS)
    option = " WITH GRANT OPTION" if is_grantable else ""
    for granted in RIGHTS:
        postgres.run_in(database, f'GRANT {granted.format(database=database)} TO "{role}"{option}')
    assert set(account(role).grants) == {
        Grant(scope, (database, *path), privilege, is_grantable)
        for scope, path, privilege in RIGHTS.values()
    }
    assert grants_in(database, "PUBLIC") == usual, "what everybody had is no news"
    assert not grants_in(database, POSTGRES["user"]), "nor is what is the owner's"


def test_what_is_granted_twice_is_told_once_with_its_grant_option(
    postgres: PostgresServer,
) -> None:
    middle, role = postgres.make_role(), postgres.make_role()
    database = postgres.make_database()
    postgres.run_in(database, "CREATE TABLE word ()")
    postgres.run_in(database, f'GRANT SELECT ON word TO "{middle}" WITH GRANT OPTION')
    postgres.run_in(database, f'GRANT SELECT ON word TO "{role}" WITH GRANT OPTION')
    postgres.run_in(database, f'SET ROLE "{middle}"; GRANT SELECT ON word TO "{role}"')
    path = (database, "public", "word")
    assert account(role).grants == (Grant("table", path, "SELECT", is_grantable=True),)


def test_default_privileges_are_told_with_who_makes_what(postgres: PostgresServer) -> None:
    maker, role = postgres.make_role(), postgres.make_role()
    database = postgres.make_database()
    postgres.run_in(database, "CREATE SCHEMA shop")
    granted = {
        "IN SCHEMA shop GRANT SELECT ON TABLES": ("shop", "tables", "SELECT"),
        "GRANT INSERT ON TABLES": ("", "tables", "INSERT"),
        "GRANT USAGE ON SEQUENCES": ("", "sequences", "USAGE"),
        "GRANT USAGE ON TYPES": ("", "types", "USAGE"),
        "IN SCHEMA shop GRANT EXECUTE ON ROUTINES": ("shop", "routines", "EXECUTE"),
        "GRANT CREATE ON SCHEMAS": ("", "schemas", "CREATE"),
    }
    for what in granted:
        postgres.run_in(database, f'ALTER DEFAULT PRIVILEGES FOR ROLE "{maker}" {what} TO "{role}"')
    assert set(account(role).grants) == {
        Grant("default", (database, schema, maker, kind), privilege)
        for schema, kind, privilege in granted.values()
    }
    assert account(maker).grants == ()


def test_what_is_granted_to_everybody_is_told_of_public(postgres: PostgresServer) -> None:
    database = postgres.make_database()
    before = grants_in(database, "PUBLIC")
    postgres.run_in(database, "CREATE TABLE word ()")
    postgres.run_in(database, "GRANT SELECT ON word TO PUBLIC")
    postgres.run_in(database, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    public = account("PUBLIC")
    assert (public.is_role, public.can_login, public.has_password) == (True, False, None)
    assert grants_in(database, "PUBLIC") - before >= {
        Grant("table", (database, "public", "word"), "SELECT")
    }
    assert Grant("schema", (database, "public"), "CREATE") in public.grants


def test_what_everybody_was_deprived_of_is_told_so_that_giving_it_back_is_seen(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    database = postgres.make_database()
    only(database)
    usual = grants_in(database, "PUBLIC")
    postgres.run_in(database, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    postgres.run_in(database, "REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC")
    postgres.execute("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database)
    withheld = [
        ["database", database, "CONNECT"],
        ["routine", database, "public", "f()", "EXECUTE"],
    ]

    def own() -> list[list[str]]:
        public = account("PUBLIC", to(database))
        assert public.unread == frozenset()
        return [path for path in public.attributes["withheld"] if path[1] == database]

    assert own() == withheld
    postgres.execute("GRANT CONNECT ON DATABASE {} TO PUBLIC", database)
    assert own() == withheld[1:]
    assert grants_in(database, "PUBLIC") == usual, "it is what everybody has from the start"


def test_a_role_that_is_called_public_is_not_mistaken_for_everybody(
    postgres: PostgresServer,
) -> None:
    database = postgres.make_database()
    postgres.run_in(database, "CREATE TABLE word ()")
    postgres.run_in(database, "GRANT SELECT ON word TO PUBLIC")
    postgres.make_role("PUBLIC")
    accounts = {one.name: one for one in listing().accounts}
    granted = Grant("table", (database, "public", "word"), "SELECT")
    assert granted in accounts["public"].grants
    assert granted not in accounts["PUBLIC"].grants
    assert accounts["PUBLIC"].can_login is True


def test_a_database_that_cannot_be_connected_to_is_unread_and_says_why(
    postgres: PostgresServer,
) -> None:
    watcher = postgres.make_role()
    hidden, closed, full, fine = (postgres.make_database() for _count in range(4))
    for database in (hidden, closed, full, fine):
        postgres.run_in(database, f'GRANT CREATE ON SCHEMA public TO "{watcher}"')
    postgres.execute("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", hidden)
    postgres.execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", closed)
    postgres.execute("ALTER DATABASE {} CONNECTION LIMIT 0", full)
    found = listing(to(username=watcher))
    assert "CONNECT" in found.unread[hidden]
    assert "nobody" in found.unread[closed]
    assert "too many connections" in found.unread[full]
    assert fine not in found.unread
    assert "template0" not in found.unread, "the system's are not looked into"
    [own] = [one for one in found.accounts if one.name == watcher]
    assert [grant.path for grant in own.grants] == [(fine, "public")]
    [public] = [one for one in found.accounts if one.name == "PUBLIC"]
    assert public.unread == {"attributes"}


def test_a_database_dropped_meanwhile_is_neither_read_nor_unread(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = postgres.make_database()

    def list_and_drop(home: Any) -> list[DatabaseEntry]:
        entries = list_databases(home)
        postgres.drop_database(doomed)
        return [entry for entry in entries if entry.name in (doomed, "postgres")]

    monkeypatch.setattr(postgresql_databases, "list_databases", list_and_drop)
    found = listing()
    assert found.accounts
    assert found.unread == {}


def test_a_listing_without_one_account_is_an_error(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = postgresql_accounts.ROLES + " AND false"
    monkeypatch.setattr(postgresql_accounts, "ROLES", nobody)
    with pytest.raises(EmptyListing, match="no account"):
        listing()


def test_the_number_of_statements_does_not_depend_on_that_of_the_roles(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, only: Callable[..., None]
) -> None:
    only("postgres")
    statements: list[Any] = []
    execute = BoundedConnection.execute

    def noted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(BoundedConnection, "execute", noted)
    first = {one.name for one in listing().accounts}
    few = len(statements)
    statements.clear()
    made = {postgres.make_role() for _count in range(30)}
    assert {one.name for one in listing().accounts} >= made
    assert not first & made
    assert len(statements) == few
