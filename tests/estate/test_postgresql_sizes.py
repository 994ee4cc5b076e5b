"""Data, indexes and largest tables of every PostgreSQL database, against the real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from jobs.estate.adapters import postgresql_sizes
from jobs.estate.adapters.base import DatabaseSize, TableSize
from jobs.estate.adapters.postgresql_databases import ask_each
from tests.estate.conftest import POSTGRES, PostgresServer
from tests.estate.postgresql import to, visit

pytestmark = pytest.mark.once


def sizes(largest_tables: int = 0, **changes: Any) -> dict[str, DatabaseSize]:
    with visit(to(**changes)) as session:
        found = session.database_sizes(include_system=True, largest_tables=largest_tables)
    return {size.name: size for size in found}


def filled(rows: int) -> str:
    """A table that no autovacuum makes bigger meanwhile."""
    return (
        "CREATE TABLE word WITH (autovacuum_enabled = off) AS"
        f" SELECT n FROM generate_series(1, {rows}) n"
    )


def relation_size(database: str, name: str) -> int:
    with psycopg.connect(**POSTGRES, dbname=database) as connection:
        [size] = connection.execute("SELECT pg_total_relation_size(%s)", [name]).fetchone() or ()
    return int(size)


def test_the_parts_of_every_database_are_told_whichever_is_connected_to(
    postgres: PostgresServer,
) -> None:
    one, other = postgres.make_database(), postgres.make_database()
    postgres.run_in(
        one,
        filled(100000),
    )
    postgres.run_in(
        other,
        filled(100000),
    )
    postgres.run_in(other, "CREATE INDEX ON word (n)")
    index_bytes = relation_size(other, "word_n_idx")
    for home in (one, "postgres"):
        found = sizes(database=home)
        assert found[one].data_bytes == found[other].data_bytes
        assert found[other].index_bytes == found[one].index_bytes + index_bytes


def test_the_largest_tables_come_first_with_their_toast_and_indexes(
    postgres: PostgresServer,
) -> None:
    database = postgres.make_database()
    for statement in (
        'CREATE SCHEMA "my shop"',
        'CREATE TABLE "my shop"."Ümlaut.ed" (text text)',
        'ALTER TABLE "my shop"."Ümlaut.ed" ALTER text SET STORAGE EXTERNAL',
        """INSERT INTO "my shop"."Ümlaut.ed" SELECT repeat('x', 20000000)""",
        filled(100000),
        "CREATE INDEX ON word (n)",
        "CREATE MATERIALIZED VIEW seen AS SELECT n FROM generate_series(1, 60000) n",
        "CREATE VIEW words AS SELECT * FROM word",
    ):
        postgres.run_in(database, statement)
    assert sizes(3)[database].largest_tables == (
        TableSize("my shop", "Ümlaut.ed", relation_size(database, '"my shop"."Ümlaut.ed"')),
        TableSize("public", "word", relation_size(database, "word")),
        TableSize("public", "seen", relation_size(database, "seen")),
    )
    assert sizes(0)[database].largest_tables == ()


def test_what_is_not_reached_in_time_keeps_its_total_and_says_so(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, only: Callable[..., None]
) -> None:
    small, big = postgres.make_database(), postgres.make_database()
    only(small, big)
    postgres.run_in(
        big,
        filled(1000000),
    )
    measure = postgresql_sizes._parts

    def measure_and_use_up(there: Any, largest_tables: int) -> Any:
        parts = measure(there, largest_tables)
        session._home.ends_at = 0.0
        return parts

    monkeypatch.setattr(postgresql_sizes, "_parts", measure_and_use_up)
    with visit(to()) as session:
        found = {size.name: size for size in session.database_sizes(largest_tables=1)}
    assert found[big].data_bytes, "the biggest comes first"
    late = found[small]
    assert late.total_bytes
    assert (late.data_bytes, late.index_bytes, late.largest_tables) == (None, None, ())
    assert "within the 30 s" in late.problem


def test_a_database_dropped_before_its_turn_has_no_parts_and_is_no_error(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = postgres.make_database()

    def drop_first(home: Any, entries: Any, question: Any) -> Any:
        postgres.drop_database(doomed)
        return ask_each(home, entries, question)

    monkeypatch.setattr(postgresql_sizes, "ask_each", drop_first)
    size = sizes()[doomed]
    assert size.total_bytes
    assert (size.data_bytes, size.problem) == (None, "")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("ALTER DATABASE {} ALLOW_CONNECTIONS false", "nobody"),
        ("ALTER DATABASE {} CONNECTION LIMIT 0", "too many connections"),
        ("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", "needs CONNECT"),
    ],
)
def test_a_database_that_cannot_be_connected_to_has_a_total_and_says_why_no_more(
    postgres: PostgresServer, statement: str, says: str
) -> None:
    watcher, database = postgres.make_role(), postgres.make_database()
    postgres.run_in(database, "SELECT 1")  # whoever comes first leaves a file of cached catalogs
    postgres.execute("GRANT pg_read_all_stats TO {}", watcher)
    postgres.execute(statement, database)
    size = sizes(username=watcher)[database]
    assert size.total_bytes == postgres.size_of(database)
    assert size.data_bytes is None
    assert says in size.problem


def test_the_systems_databases_are_not_connected_to(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    only("template0", "template1", "postgres")
    found = sizes()
    for name in ("template0", "template1"):
        assert found[name].total_bytes
        assert (found[name].data_bytes, found[name].problem) == (None, "")


def test_an_account_without_any_right_measures_as_much_as_a_superuser(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    watcher, database = postgres.make_role(), postgres.make_database()
    only(database)
    postgres.run_in(
        database,
        filled(9999),
    )
    as_watcher, as_superuser = sizes(5, username=watcher), sizes(5)
    assert as_watcher[database] == as_superuser[database]
