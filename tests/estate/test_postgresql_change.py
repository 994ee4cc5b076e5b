"""Making and detaching PostgreSQL's partitions, against the real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from jobs.estate.adapters import errors, postgresql_change
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.partitions import NewPartition, PartitionedTable
from jobs.estate.adapters.postgresql import PostgresqlAdapter
from tests.estate.conftest import POSTGRES, PostgresServer
from tests.estate.postgresql import to, visit

pytestmark = pytest.mark.once

TABLE = PartitionedTable("shop", "public", "word", "range", "id", "integer")


@contextmanager
def changing(target: ConnectionTarget) -> Iterator[Any]:
    with PostgresqlAdapter().connect_to_change(target) as changer:
        yield changer


@pytest.fixture
def database(postgres: PostgresServer, only: Callable[..., None]) -> str:
    name = postgres.make_database()
    only(name)
    return name


def tables(database: str) -> dict[str, PartitionedTable]:
    with visit(to(database)) as session:
        return {table.name: table for table in session.partitions().tables}


def partitions(database: str, table: str) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.lower, one.upper) for one in tables(database)[table].partitions]


@pytest.mark.parametrize(
    ("key_type", "lower", "upper"),
    [
        ("int", -10, 10),
        ("bigint", 2**40, 2**41),
        ("date", date(2028, 2, 29), date(2028, 3, 1)),
        ("timestamptz", datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (
            "timestamp",
            datetime.fromisoformat("2026-03-29 02:30"),
            datetime.fromisoformat("2026-03-30"),
        ),
    ],
)
@pytest.mark.parametrize("is_home", [True, False])
def test_what_is_made_has_exactly_the_bounds_that_were_wanted(
    postgres: PostgresServer, database: str, key_type: str, lower: Any, upper: Any, is_home: bool
) -> None:
    postgres.execute("ALTER DATABASE {} SET TimeZone = 'America/New_York'", database)
    postgres.execute("ALTER DATABASE {} SET DateStyle = 'German'", database)
    postgres.run_in(database, f"CREATE TABLE word (at {key_type}) PARTITION BY RANGE (at)")
    table = tables(database)["word"]
    with changing(to(database if is_home else "postgres")) as changer:
        [statement] = changer.create_statements(table, [NewPartition("word_1", lower, upper)])
        assert partitions(database, "word") == [], "nothing is run yet"
        changer.execute(database, [statement])
    assert partitions(database, "word") == [("word_1", lower, upper)]


@pytest.mark.parametrize(
    "name",
    ["Sales", "two words", 'quo"ted', "it's", "dot.ted", "größe_数据", "100%s", "a;b--", "{}"],
)
def test_every_name_is_quoted(postgres: PostgresServer, database: str, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    postgres.run_in(database, f"CREATE SCHEMA {quoted}")
    postgres.run_in(
        database, f"CREATE TABLE {quoted}.{quoted} ({quoted} int) PARTITION BY RANGE ({quoted})"
    )
    table = tables(database)[name]
    wanted = [NewPartition(f"{name} {number}", number, number + 1) for number in (1, 2)]
    with changing(to(database)) as changer:
        changer.execute(database, changer.create_statements(table, wanted))
        table = tables(database)[name]
        assert [(one.schema, one.name) for one in table.partitions] == [
            (name, f"{name} 1"),
            (name, f"{name} 2"),
        ]
        changer.execute(database, changer.detach_statements(table, [f"{name} 1"]))
    table = tables(database)[name]
    assert [one.name for one in table.partitions] == [f"{name} 2"]
    assert table.leftovers == (f"{name} 1",)


def test_a_partition_in_another_schema_is_detached_where_it_is(
    postgres: PostgresServer, database: str
) -> None:
    postgres.run_in(database, "CREATE SCHEMA old")
    postgres.run_in(database, "CREATE TABLE word (id int) PARTITION BY RANGE (id)")
    postgres.run_in(
        database, "CREATE TABLE old.word_1 PARTITION OF word FOR VALUES FROM (1) TO (2)"
    )
    table = tables(database)["word"]
    with changing(to(database)) as changer:
        statements = changer.detach_statements(table, ["word_1"])
        assert statements == ['ALTER TABLE "public"."word" DETACH PARTITION "old"."word_1"']
        changer.execute(database, statements)
    assert partitions(database, "word") == []


def test_all_is_done_or_nothing(postgres: PostgresServer, database: str) -> None:
    postgres.run_in(database, "CREATE TABLE word (id int) PARTITION BY RANGE (id)")
    wanted = [NewPartition("one", 1, 5), NewPartition("two", 4, 9)]
    with changing(to()) as changer:
        statements = changer.create_statements(tables(database)["word"], wanted)
        with pytest.raises(errors.InstanceError, match="overlap"):
            changer.execute(database, statements)
        assert partitions(database, "word") == []
        changer.execute(database, statements[:1])
    assert partitions(database, "word") == [("one", 1, 5)]


def test_rows_in_the_default_partition_that_are_in_the_way_are_said(
    postgres: PostgresServer, database: str
) -> None:
    postgres.run_in(database, "CREATE TABLE word (id int) PARTITION BY RANGE (id)")
    postgres.run_in(database, "CREATE TABLE rest PARTITION OF word DEFAULT")
    postgres.run_in(database, "INSERT INTO word VALUES (3)")
    with changing(to(database)) as changer:
        statements = changer.create_statements(TABLE, [NewPartition("one", 1, 5)])
        with pytest.raises(errors.InstanceError, match="default partition"):
            changer.execute(database, statements)


def test_a_lock_is_not_waited_for_at_length(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_change, "LOCK_TIMEOUT_S", 0.1)
    postgres.run_in(database, "CREATE TABLE word (id int) PARTITION BY RANGE (id)")
    with psycopg.connect(**POSTGRES, dbname=database) as busy, changing(to(database)) as changer:
        busy.execute("SELECT * FROM word")
        statements = changer.create_statements(TABLE, [NewPartition("one", 1, 5)])
        with pytest.raises(errors.LockNotGranted, match=r"0\.1 s"):
            changer.execute(database, statements)
    assert partitions(database, "word") == []


def test_the_server_ends_a_change_that_takes_too_long(
    postgres: PostgresServer, database: str
) -> None:
    with (
        changing(to(database, statement_timeout_s=1)) as changer,
        pytest.raises(errors.DidNotAnswer),
    ):
        changer.execute(database, ["CREATE TABLE half ()", "SELECT pg_sleep(60)"])
    with psycopg.connect(**POSTGRES, dbname=database) as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)


def test_a_search_of_the_default_partition_holds_nobody_up_at_length(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.run_in(
        database,
        "CREATE TABLE word (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE rest PARTITION OF word DEFAULT;"
        "INSERT INTO word SELECT -1 FROM generate_series(1, 2000000)",
    )
    with changing(to(database)) as changer:
        [statement] = changer.create_statements(TABLE, [NewPartition("new", 1, 2)])
        with monkeypatch.context() as patch:
            patch.setattr(postgresql_change, "HOLD_UP_S", 0.05)
            with pytest.raises(errors.HoldsUp, match="default partition"):
                changer.execute(database, [statement])
        changer.execute(database, ["TRUNCATE rest"])
        changer.execute(database, [statement])
    assert partitions(database, "word") == [("new", 1, 2), ("rest", None, None)]


def test_a_name_that_the_server_would_cut_is_refused(postgres: PostgresServer) -> None:
    fits = "ü" * 31 + "x"
    with changing(to()) as changer:
        assert changer.create_statements(TABLE, [NewPartition(fits, 1, 2)])
        with pytest.raises(errors.NameTooLong, match="63 bytes"):
            changer.create_statements(TABLE, [NewPartition(fits + "x", 1, 2)])


@pytest.mark.parametrize(
    ("kind", "bound"), [("day", 1), ("integer", date(2026, 1, 1)), ("other", 1)]
)
def test_a_bound_of_another_kind_is_refused(
    postgres: PostgresServer, kind: Any, bound: Any
) -> None:
    table = replace(TABLE, kind=kind)
    with pytest.raises(errors.BoundUnsuitable, match="word"), changing(to()) as changer:
        changer.create_statements(table, [NewPartition("one", bound, bound)])


def test_what_is_made_belongs_to_the_tables_owner_who_can_go_on_altering_it(
    postgres: PostgresServer, database: str
) -> None:
    owner, helper = postgres.make_role(), postgres.make_role()
    postgres.execute("GRANT {} TO {}", owner, helper)
    postgres.run_in(database, f'GRANT CREATE ON SCHEMA public TO "{owner}", "{helper}"')
    postgres.run_in(
        database, f'SET ROLE "{owner}"; CREATE TABLE word (id int) PARTITION BY RANGE (id)'
    )
    table = tables(database)["word"]
    assert table.owner == owner
    with changing(to(database, username=helper)) as changer:
        changer.execute(database, changer.create_statements(table, [NewPartition("one", 1, 2)]))
    postgres.run_in(database, f'SET ROLE "{owner}"; ALTER TABLE word ADD COLUMN text text')
    with changing(to(database, username=owner)) as changer:
        assert len(changer.create_statements(table, [NewPartition("two", 2, 3)])) == 1
    postgres.execute("DROP DATABASE {}", database)  # so that the roles can be dropped


def test_who_may_not_change_a_table_is_told_so(postgres: PostgresServer, database: str) -> None:
    stranger = postgres.make_role()
    postgres.run_in(database, "CREATE TABLE word (id int) PARTITION BY RANGE (id)")
    with changing(to(database, username=stranger)) as changer:
        statements = changer.create_statements(TABLE, [NewPartition("one", 1, 2)])
        with pytest.raises(errors.RightsMissing, match=r"permission denied|must be owner"):
            changer.execute(database, statements)


def test_an_absent_database_is_said(postgres: PostgresServer) -> None:
    with (
        changing(to()) as changer,
        pytest.raises(errors.DatabaseNotFound, match="no such thing"),
    ):
        changer.execute("no such thing", ["SELECT 1"])


def test_no_connection_is_left_open(postgres: PostgresServer, database: str) -> None:
    with changing(to()) as changer:
        changer.execute(database, ["CREATE TABLE word ()"])
        postgres.execute("DROP DATABASE {}", database)  # refused while somebody is connected
