"""Which rights are missing on a PostgreSQL server, by really looking."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.estate.conftest import PostgresServer
from tests.estate.postgresql import to, visit

pytestmark = pytest.mark.once


def test_a_superuser_lacks_nothing(postgres: PostgresServer, only: Callable[..., None]) -> None:
    only("postgres")
    with visit(to()) as session:
        assert session.missing_rights() == []


def test_what_a_plain_account_lacks_is_named_and_no_longer_once_it_is_granted(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    watcher = postgres.make_role()
    hidden, shop = postgres.make_database(), postgres.make_database()
    only(hidden, shop)
    postgres.execute("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", hidden)
    for statement in (
        'CREATE TABLE "my word" (id int) PARTITION BY RANGE (id)',
        'CREATE TABLE "the rest" PARTITION OF "my word" DEFAULT',
    ):
        postgres.run_in(shop, statement)

    with visit(to(shop, username=watcher)) as session:
        found = {one.purpose: one.right for one in session.missing_rights()}
    assert found == {
        f"Sizes: of {hidden}": "pg_read_all_stats",
        "Sizes of data, indexes and tables; accounts' grants; partitions": f"CONNECT on {hidden}",
        "Size of the write-ahead log": "pg_monitor",
        "Accounts: whether they have a password": (
            "SELECT on pg_authid (which shows the hashes too, so many do without)"
        ),
        "Partitions: whether there are rows in a default partition": (
            f'USAGE on its schema and SELECT on "public"."the rest" in {shop}'
        ),
    }

    postgres.execute("GRANT pg_monitor TO {}", watcher)
    postgres.execute("GRANT CONNECT ON DATABASE {} TO {}", hidden, watcher)
    postgres.run_in(shop, f'GRANT SELECT ON "the rest" TO "{watcher}"')
    postgres.run_in(shop, f'GRANT SELECT (oid, rolpassword) ON pg_authid TO "{watcher}"')
    with visit(to(shop, username=watcher)) as session:
        assert session.missing_rights() == []


def test_memberships_that_may_not_be_read_are_named(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    watcher, database = postgres.make_role(), postgres.make_database()
    only(database)
    postgres.run_in(database, "REVOKE SELECT ON pg_auth_members FROM PUBLIC")
    with visit(to(database, username=watcher)) as session:
        found = {one.purpose: one.right for one in session.missing_rights()}
    assert found["Accounts: memberships"] == "SELECT on pg_auth_members"


def test_many_names_are_counted_and_not_all_listed(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    watcher = postgres.make_role()
    hidden = [postgres.make_database() for _count in range(12)]
    only(*hidden)
    for database in hidden:
        postgres.execute("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database)
    with visit(to(username=watcher)) as session:
        rights = [one.right for one in session.missing_rights()]
    [right] = [one for one in rights if one.startswith("CONNECT")]
    assert right.endswith(f"{sorted(hidden)[9]} and 2 more")
