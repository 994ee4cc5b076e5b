"""PostgreSQL's partitioned tables, against the real server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from jobs.estate.adapters import postgresql_partitions
from jobs.estate.adapters.partitions import Partition, PartitionedTable
from jobs.estate.adapters.postgresql_connection import BoundedConnection
from jobs.estate.adapters.postgresql_leftovers import Parent, choose
from jobs.estate.adapters.postgresql_locks import LOCKED
from tests.estate.conftest import POSTGRES, PostgresServer
from tests.estate.postgresql import Shop, to, visit

pytestmark = pytest.mark.once


@pytest.fixture
def shop(postgres: PostgresServer, only: Callable[..., None]) -> Shop:
    shop = Shop(postgres)
    only(shop.database)
    return shop


def by_name(table: PartitionedTable) -> dict[str, Partition]:
    return {partition.name: partition for partition in table.partitions}


@pytest.mark.parametrize(
    ("key_type", "kind", "bounds"),
    [
        ("date", "day", [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]),
        (
            "timestamp",
            "moment",
            [
                datetime.fromisoformat("2026-01-01"),
                datetime.fromisoformat("2026-02-01"),
                datetime.fromisoformat("2026-03-01 00:00:00.000005"),
            ],
        ),
        (
            "timestamptz",
            "moment",
            [
                datetime(2026, 1, 1, tzinfo=UTC),
                datetime(2026, 2, 1, tzinfo=UTC),
                datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
            ],
        ),
        ("smallint", "integer", [-5, 0, 5]),
        ("int", "integer", [-(2**31), 0, 2**31 - 1]),
        ("bigint", "integer", [-(2**63), 0, 2**63 - 1]),
    ],
)
def test_ranges_are_read_exactly_whatever_the_servers_zone_and_date_style(
    shop: Shop, key_type: str, kind: str, bounds: list[Any]
) -> None:
    first, second, third = bounds
    shop.run(
        f"ALTER DATABASE \"{shop.database}\" SET TimeZone = 'America/New_York'",
        f"ALTER DATABASE \"{shop.database}\" SET DateStyle = 'German'",
        f"CREATE TABLE word (at {key_type}) PARTITION BY RANGE (at)",
        f"CREATE TABLE b PARTITION OF word FOR VALUES FROM ('{second}') TO ('{third}')",
        f"CREATE TABLE a PARTITION OF word FOR VALUES FROM ('{first}') TO ('{second}')",
        f"CREATE TABLE c PARTITION OF word FOR VALUES FROM ('{third}') TO (MAXVALUE)",
        "CREATE TABLE rest PARTITION OF word DEFAULT",
    )
    table = shop.one()
    assert (table.database, table.schema, table.name) == (shop.database, "public", "word")
    assert (table.method, table.key, table.kind) == ("range", "at", kind)
    assert table.owner == POSTGRES["user"]
    assert [(one.name, one.lower, one.upper, one.is_default) for one in table.partitions] == [
        ("a", first, second, False),
        ("b", second, third, False),
        ("c", third, None, False),
        ("rest", None, None, True),
    ]


@pytest.mark.parametrize(
    ("by", "values", "method", "key"),
    [
        ("LIST (kind)", "IN ('a', 'it''s')", "list", "kind"),
        ("HASH (kind)", "WITH (modulus 2, remainder 1)", "hash", "kind"),
        ("RANGE (kind, id)", "FROM ('a', 1) TO ('b', 2)", "range", "kind, id"),
        ('RANGE (id, lower("Kind"))', "FROM (1, 'a') TO (2, 'b')", "range", 'id, lower("Kind")'),
        ('LIST ("Kind")', "IN ('a')", "list", '"Kind"'),
        ("RANGE (lower(kind))", "FROM ('a') TO ('b')", "range", "lower(kind)"),
        ("RANGE (kind)", "FROM ('a, b') TO ('c''d')", "range", "kind"),
        ("RANGE (amount)", "FROM (1.5) TO (2.5)", "range", "amount"),
        ("RANGE (born)", "FROM ('2026-01-01') TO ('2027-01-01')", "range", "born"),
    ],
)
def test_what_nobody_can_reckon_with_is_of_another_kind(
    shop: Shop, by: str, values: str, method: str, key: str
) -> None:
    shop.run(
        "CREATE DOMAIN birthday AS date",
        'CREATE TABLE word (id int, kind text, "Kind" text, amount numeric, born birthday)'
        f" PARTITION BY {by}",
        f"CREATE TABLE a PARTITION OF word FOR VALUES {values}",
    )
    table = shop.one()
    assert (table.method, table.key, table.kind) == (method, key, "other")
    [partition] = table.partitions
    assert (partition.lower, partition.upper) == (None, None)
    assert partition.expression == f"FOR VALUES {values}"


@pytest.mark.parametrize("name", ["Sales", "two words", 'quo"ted', "it's", "dot.ted", "größe_数据"])
def test_names_are_told_exactly_as_the_server_has_them(shop: Shop, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    shop.run(
        f"CREATE SCHEMA {quoted}",
        f"CREATE TABLE {quoted}.{quoted} ({quoted} int) PARTITION BY RANGE ({quoted})",
        f'CREATE TABLE {quoted}."{name.replace(chr(34), chr(34) * 2)} 1"'
        f" PARTITION OF {quoted}.{quoted} FOR VALUES FROM (1) TO (2)",
        f'CREATE TABLE "{name.replace(chr(34), chr(34) * 2)} rest"'
        f" PARTITION OF {quoted}.{quoted} DEFAULT",
        f"INSERT INTO {quoted}.{quoted} VALUES (7)",
        f'CREATE TABLE {quoted}."{name.replace(chr(34), chr(34) * 2)} 0" ({quoted} int)',
    )
    table = shop.one()
    assert (table.schema, table.name) == (name, name)
    assert [(one.schema, one.name) for one in table.partitions] == [
        (name, f"{name} 1"),
        ("public", f"{name} rest"),
    ]
    assert table.has_default_rows is True
    assert table.leftovers == (f"{name} 0",)


def test_a_partition_is_measured_with_its_indexes_and_estimated(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE word (id int, text text) PARTITION BY RANGE (id)",
        "CREATE INDEX ON word (text)",
        "CREATE TABLE a PARTITION OF word FOR VALUES FROM (0) TO (1000)",
        "CREATE TABLE b PARTITION OF word FOR VALUES FROM (1000) TO (2000)",
        "INSERT INTO word SELECT n, repeat('x', 500) FROM generate_series(0, 999) n",
        "ANALYZE a",
    )
    with psycopg.connect(**POSTGRES, dbname=shop.database) as connection:
        [size] = connection.execute("SELECT pg_total_relation_size('a')").fetchone() or ()
    partitions = by_name(shop.one())
    assert partitions["a"].size_bytes == size
    assert size > 500_000
    assert partitions["a"].rows_estimate == 1000
    assert partitions["b"].rows_estimate is None, "nobody has looked yet"


def test_a_partition_that_is_partitioned_counts_with_what_is_below_it(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE word (id int, kind text) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF word FOR VALUES FROM (0) TO (10) PARTITION BY LIST (kind)",
        "CREATE TABLE low_a PARTITION OF low FOR VALUES IN ('a')",
        "CREATE TABLE low_b PARTITION OF low FOR VALUES IN ('b')",
        "CREATE TABLE high PARTITION OF word FOR VALUES FROM (10) TO (20) PARTITION BY LIST (kind)",
        "INSERT INTO word VALUES (1, 'a'), (2, 'b'), (3, 'b')",
        "VACUUM ANALYZE",
    )
    tables = shop.tables()
    assert set(tables) == {"word", "low", "high"}
    below = by_name(tables["low"])
    top = by_name(tables["word"])
    assert below["low_a"].size_bytes
    assert below["low_b"].size_bytes
    assert top["low"].size_bytes == below["low_a"].size_bytes + below["low_b"].size_bytes
    assert top["low"].rows_estimate == 3
    assert top["high"].size_bytes == 0, "there is nothing below it"
    assert tables["high"].partitions == ()


@pytest.mark.parametrize("busy_with", ["LOCK TABLE a, rest", "REINDEX INDEX a_key"])
def test_a_locked_partition_costs_its_own_size_and_that_of_what_it_is_in(
    shop: Shop, busy_with: str
) -> None:
    shop.run(
        "CREATE TABLE word (id int, kind int) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF word FOR VALUES FROM (0) TO (10) PARTITION BY LIST (kind)",
        "CREATE TABLE a PARTITION OF low FOR VALUES IN (1)",
        "CREATE TABLE b PARTITION OF low FOR VALUES IN (2)",
        "CREATE TABLE high PARTITION OF word FOR VALUES FROM (10) TO (20)",
        "CREATE TABLE rest PARTITION OF word DEFAULT",
        "CREATE INDEX a_key ON a (id)",
        "INSERT INTO word VALUES (1, 1), (1, 2), (10, 1)",
        "ANALYZE",
    )
    with psycopg.connect(**POSTGRES, dbname=shop.database) as busy:
        busy.execute(busy_with.encode())
        tables = shop.tables()
    top, low = by_name(tables["word"]), by_name(tables["low"])
    assert (low["a"].size_bytes, top["low"].size_bytes) == (None, None)
    assert low["b"].size_bytes
    assert top["high"].size_bytes
    assert (low["a"].rows_estimate, top["low"].rows_estimate) == (1, 2), "that needs no lock"
    assert top["low"].upper == 10


def test_a_partition_locked_between_two_looks_costs_all_sizes_and_no_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run(
        "CREATE TABLE word (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE a PARTITION OF word FOR VALUES FROM (0) TO (10)",
        "INSERT INTO word VALUES (1)",
        "ANALYZE",
    )
    nothing_seen = postgresql_partitions.MEASURES.replace(LOCKED, "0")
    monkeypatch.setattr(postgresql_partitions, "MEASURES", nothing_seen)
    with psycopg.connect(**POSTGRES, dbname=shop.database) as busy:
        busy.execute("LOCK TABLE a")
        [a] = shop.one().partitions
    assert (a.size_bytes, a.rows_estimate, a.upper) == (None, 1, 10)


def test_an_index_of_the_table_that_a_partition_lacks_is_named(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE word (id int, text text) PARTITION BY RANGE (id)",
        "CREATE TABLE a PARTITION OF word FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE b PARTITION OF word FOR VALUES FROM (10) TO (20)",
        'CREATE INDEX "Half" ON ONLY word (text)',
        "CREATE INDEX a_half ON a (text)",
        'ALTER INDEX "Half" ATTACH PARTITION a_half',
        "CREATE INDEX whole ON word (id)",
        "CREATE INDEX none_yet ON ONLY word (id, text)",
        "CREATE INDEX b_of_its_own ON b (id, text)",
    )
    missing = {one.name: one.missing_indexes for one in shop.one().partitions}
    assert missing == {"a": ("none_yet",), "b": ("Half", "none_yet")}


def test_an_index_that_is_missing_two_levels_down_is_named_there(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE word (id int, text text) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF word FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id)",
        "CREATE TABLE low_1 PARTITION OF low FOR VALUES FROM (0) TO (5)",
        "CREATE INDEX on_word ON ONLY word (text)",
        "CREATE INDEX on_low ON ONLY low (text)",
        "ALTER INDEX on_word ATTACH PARTITION on_low",
    )
    tables = shop.tables()
    assert tables["word"].partitions[0].missing_indexes == ()
    assert tables["low"].partitions[0].missing_indexes == ("on_low",)


@pytest.mark.parametrize(
    ("made", "is_leftover"),
    [
        ("CREATE TABLE sales_2023_12 (at date NOT NULL, amount int)", True),
        ("CREATE TABLE sales_2023_12 (amount int, at date)", True),
        ("CREATE UNLOGGED TABLE sales_2023_12 (at date, amount int)", True),
        ("CREATE TABLE sales_2023_12 (at date)", False),
        ("CREATE TABLE sales_2023_12 (at date, amount int, note text)", False),
        ("CREATE TABLE sales_2023_12 (at date, amount bigint)", False),
        ("CREATE TABLE sales_2023_12 (at date, total int)", False),
        ("CREATE TABLE sales_2023_12_old (at date, amount int)", False),
        ("CREATE TABLE sales_2023 (at date, amount int)", False),
        ("CREATE TABLE sales_backup (at date, amount int)", False),
        ("CREATE TABLE other_2023_12 (at date, amount int)", False),
        ("CREATE TABLE s.sales_2023_12 (at date, amount int)", False),
        ("CREATE VIEW sales_2023_12 AS SELECT * FROM sales", False),
        ("CREATE MATERIALIZED VIEW sales_2023_12 AS SELECT * FROM sales", False),
        (
            "CREATE TABLE old (at date, amount int); CREATE TABLE sales_2023_12 () INHERITS (old)",
            False,
        ),
    ],
)
def test_a_table_that_looks_like_a_detached_partition_is_a_leftover(
    shop: Shop, made: str, is_leftover: bool
) -> None:
    shop.run(
        "CREATE SCHEMA s",
        "CREATE TABLE sales (at date, gone text, amount int) PARTITION BY RANGE (at)",
        "ALTER TABLE sales DROP COLUMN gone",
        "CREATE TABLE sales_2024_01 PARTITION OF sales"
        " FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')",
        made,
    )
    assert shop.tables()["sales"].leftovers == (("sales_2023_12",) if is_leftover else ())


def test_a_partition_that_is_detached_becomes_a_leftover(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE sales (at date) PARTITION BY RANGE (at)",
        "CREATE TABLE sales_2023 PARTITION OF sales FOR VALUES FROM ('2023-01-01')"
        " TO ('2024-01-01')",
        "CREATE TABLE sales_2024 PARTITION OF sales FOR VALUES FROM ('2024-01-01')"
        " TO ('2025-01-01')",
    )
    assert shop.one().leftovers == ()
    shop.run("ALTER TABLE sales DETACH PARTITION sales_2023")
    table = shop.one()
    assert table.leftovers == ("sales_2023",)
    assert [one.name for one in table.partitions] == ["sales_2024"]


def test_a_leftover_belongs_to_the_parent_whose_name_it_begins_with() -> None:
    parents = {
        1: Parent("log", ("log_2024", "log2_2024")),
        2: Parent("log2", ("log2_2025",)),
        3: Parent("log3", ("log3_2025",)),
        4: Parent("plain", ("plain_eu", "plain_rest")),
    }
    candidates = [(oid, name) for oid in parents for name in ("log2_2023", "log_2023", "plain_us")]
    candidates += [(3, "log2_2022"), (2, "log2_24"), (1, "log_١٢٣٤")]
    assert choose(parents, candidates) == {1: ("log_2023",), 2: ("log2_2023",)}


def test_plain_inheritance_and_temporary_tables_are_no_partitioning(shop: Shop) -> None:
    shop.run("CREATE TABLE old (id int)", "CREATE TABLE young () INHERITS (old)")
    with psycopg.connect(**POSTGRES, dbname=shop.database, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE t (id int) PARTITION BY RANGE (id)")
        connection.execute("CREATE TEMP TABLE t1 PARTITION OF t DEFAULT")
        assert shop.tables() == {}


def test_databases_are_told_apart_and_those_that_cannot_be_read_are_named(
    postgres: PostgresServer, only: Callable[..., None]
) -> None:
    one, other, closed = (postgres.make_database() for _count in range(3))
    only(one, other, closed)
    for database in (one, other, closed):
        postgres.run_in(database, "CREATE TABLE word (id int) PARTITION BY HASH (id)")
    postgres.execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", closed)
    with visit(to()) as session:
        listing = session.partitions()
    assert {table.database for table in listing.tables} == {one, other}
    assert set(listing.unread) == {closed}


def test_the_number_of_statements_does_not_depend_on_that_of_the_partitions(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(first: int, last: int) -> None:
        shop.run(
            "DO $$ BEGIN FOR n IN "
            f"{first}..{last} LOOP EXECUTE format("
            "'CREATE TABLE word_%s PARTITION OF word FOR VALUES FROM (%s) TO (%s)',"
            " n, n, n + 1); END LOOP; END $$"
        )

    shop.run(
        "CREATE TABLE word (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE rest PARTITION OF word DEFAULT",
        "INSERT INTO word VALUES (-1)",
    )
    make(0, 0)
    statements: list[Any] = []
    execute = BoundedConnection.execute

    def noted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(BoundedConnection, "execute", noted)
    assert len(shop.one().partitions) == 2
    few = len(statements)
    statements.clear()
    make(1, 100)
    assert len(shop.one().partitions) == 102
    assert len(statements) == few
