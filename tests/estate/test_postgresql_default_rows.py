"""Rows in PostgreSQL's default partitions, against the real server, whose tables others lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.sql import Composed

from jobs.estate.adapters import postgresql_default_rows
from jobs.estate.adapters.postgresql_connection import BoundedConnection
from jobs.estate.adapters.postgresql_locks import LOCKED
from tests.estate.conftest import POSTGRES, PostgresServer
from tests.estate.postgresql import Shop, to, visit

pytestmark = pytest.mark.once


@pytest.fixture
def shop(postgres: PostgresServer, only: Callable[..., None]) -> Shop:
    shop = Shop(postgres)
    only(shop.database)
    return shop


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("", False),
        ("INSERT INTO word VALUES (99); DELETE FROM word", False),
        ("INSERT INTO word VALUES (99)", True),
    ],
)
@pytest.mark.parametrize("below", ["", "PARTITION BY LIST (id)"])
def test_rows_in_the_default_partition_are_noticed(
    shop: Shop, rows: str, expected: bool, below: str
) -> None:
    shop.run(
        "CREATE TABLE word (id int) PARTITION BY RANGE (id)",
        f"CREATE TABLE rest PARTITION OF word DEFAULT {below}",
    )
    if below:
        shop.run("CREATE TABLE deep PARTITION OF rest DEFAULT")
    if rows:
        shop.run(rows)
    assert shop.tables()["word"].has_default_rows is expected


def test_without_a_default_partition_its_rows_are_not_known(shop: Shop) -> None:
    shop.run("CREATE TABLE word (id int) PARTITION BY RANGE (id)")
    assert shop.one().has_default_rows is None


def test_rows_of_a_default_partition_that_may_not_be_read_are_not_known(
    postgres: PostgresServer, shop: Shop
) -> None:
    watcher = postgres.make_role()
    for name in ("filled", "empty", "open", "secret"):
        shop.run(
            f"CREATE TABLE {name} (id int) PARTITION BY RANGE (id)",
            f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT",
        )
        if name != "empty":
            shop.run(f"INSERT INTO {name} VALUES (99)")
    shop.run(
        f'GRANT SELECT ON open_rest, secret_rest TO "{watcher}"',
        "ALTER TABLE secret_rest ENABLE ROW LEVEL SECURITY",
    )
    tables = shop.tables(username=watcher)
    assert {name: table.has_default_rows for name, table in tables.items()} == {
        "filled": None,
        "empty": False,
        "open": True,
        "secret": None,
    }
    postgres.execute("DROP DATABASE {}", shop.database)  # so that the role can be dropped


@pytest.mark.parametrize("is_seen", [True, False], ids=["at once", "too late"])
@pytest.mark.parametrize("may_read", [True, False])
def test_a_locked_default_partition_costs_its_own_answer_alone(
    postgres: PostgresServer,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    may_read: bool,
    is_seen: bool,
) -> None:
    watcher = postgres.make_role(options="SUPERUSER LOGIN" if may_read else "LOGIN")
    for name in ("stuck", "fine"):
        shop.run(
            f"CREATE TABLE {name} (id int) PARTITION BY RANGE (id)",
            f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT",
            f"INSERT INTO {name} VALUES (99)",
        )
    shop.run(f'GRANT SELECT ON fine_rest TO "{watcher}"')
    if not is_seen:
        for name in ("READABLE", "WITHOUT_A_PAGE"):
            blind = getattr(postgresql_default_rows, name).replace(LOCKED, "0")
            monkeypatch.setattr(postgresql_default_rows, name, blind)
    with psycopg.connect(**POSTGRES, dbname=shop.database) as busy:
        busy.execute("LOCK TABLE stuck_rest IN ACCESS EXCLUSIVE MODE")
        tables = shop.tables(username=watcher)
    assert tables["stuck"].has_default_rows is None
    assert tables["fine"].has_default_rows is True
    postgres.execute("DROP DATABASE {}", shop.database)  # so that the role can be dropped


def test_a_lock_below_a_default_partition_costs_its_answer_alone(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE word (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE rest PARTITION OF word DEFAULT PARTITION BY LIST (id)",
        "CREATE TABLE deep PARTITION OF rest DEFAULT",
        "CREATE TABLE fine (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE fine_rest PARTITION OF fine DEFAULT",
        "INSERT INTO fine VALUES (99)",
        "CREATE FOREIGN DATA WRAPPER far",
        "CREATE SERVER away FOREIGN DATA WRAPPER far",
        "CREATE FOREIGN TABLE elsewhere (id int) SERVER away",
    )
    with psycopg.connect(**POSTGRES, dbname=shop.database) as busy:
        busy.execute("LOCK TABLE deep")
        found = {name: table.has_default_rows for name, table in shop.tables().items()}
    assert found == {"word": None, "rest": None, "fine": True}


def looks_at_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """In how many tables each statement looked for rows, as a list that grows."""
    found: list[int] = []
    execute = BoundedConnection.execute

    def noted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(query, Composed):
            found.append(query.as_string(self).count("EXISTS (SELECT FROM "))
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(BoundedConnection, "execute", noted)
    return found


def make_defaults(shop: Shop, count: int) -> None:
    shop.run(
        f"DO $$ BEGIN FOR n IN 1..{count} LOOP"
        " EXECUTE format('CREATE TABLE t%s (id int) PARTITION BY RANGE (id)', n);"
        " EXECUTE format('CREATE TABLE rest%s PARTITION OF t%s DEFAULT', n, n);"
        " EXECUTE format('INSERT INTO t%s VALUES (1)', n); END LOOP; END $$"
    )


def test_many_default_partitions_are_never_locked_all_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_default_rows, "TOGETHER", 2)
    make_defaults(shop, 5)
    looked = looks_at_rows(monkeypatch)
    assert {table.has_default_rows for table in shop.tables().values()} == {True}
    assert looked == [2, 2, 1]


def test_looks_that_take_too_long_are_given_up_one_by_one_and_then_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_defaults(shop, 5)
    monkeypatch.setattr(postgresql_default_rows, "TOGETHER", 2)
    blind = postgresql_default_rows.READABLE.replace(LOCKED, "0")
    monkeypatch.setattr(postgresql_default_rows, "READABLE", blind)
    looked = looks_at_rows(monkeypatch)
    with psycopg.connect(**POSTGRES, dbname=shop.database) as busy:
        busy.execute("LOCK TABLE rest1, rest2, rest3")
        monkeypatch.setattr(postgresql_default_rows, "TOGETHER_S", 0.1)
        monkeypatch.setattr(postgresql_default_rows, "ALONE_S", 0.1)
        found = {name: table.has_default_rows for name, table in shop.tables().items()}
        assert found == {"t1": None, "t2": None, "t3": None, "t4": True, "t5": True}
        looked.clear()
        monkeypatch.setattr(postgresql_default_rows, "IN_VAIN_S", 0.15)
        found = {name: table.has_default_rows for name, table in shop.tables().items()}
    assert set(found.values()) == {None}
    assert len(looked) == 2


def test_no_lock_on_a_users_table_outlasts_the_look_at_it(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE word (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE rest PARTITION OF word DEFAULT",
        "INSERT INTO word VALUES (99)",
    )
    with visit(to(shop.database)) as session:
        session.partitions()
        shop.run("SET lock_timeout = '2s'; DROP TABLE word")
        assert session.partitions().tables == ()
