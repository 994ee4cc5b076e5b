"""Partitioned tables on the real MariaDB: what is read of them, and what is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pymysql
import pytest

from jobs.estate.adapters import mysql_bounds, mysql_looks
from jobs.estate.adapters.mysql import MysqlAdapter
from jobs.estate.adapters.mysql_bounds import reckoning_by_function, reckoning_by_type
from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.adapters.mysql_looks import Looks
from jobs.estate.adapters.partitions import Bound, PartitionedTable, PartitionListing
from tests.estate.conftest import MARIADB, MariadbServer
from tests.estate.test_mysql import to

pytestmark = pytest.mark.once


@pytest.fixture
def shop(mariadb: MariadbServer) -> str:
    return mariadb.make_database()


def read(username: str = "root") -> PartitionListing:
    with MysqlAdapter().connect(to(username=username)) as session:
        return session.partitions()


def read_one(database: str, name: str = "event") -> PartitionedTable:
    [found] = [table for table in read().tables if (table.database, table.name) == (database, name)]
    return found


def make(mariadb: MariadbServer, database: str, rest: str, name: str = "event") -> None:
    """A table with a column of each kind, partitioned by the rest."""
    mariadb.execute(
        f"CREATE TABLE {quoted(database, name)}"
        f" (id bigint unsigned, day date, at datetime(3), ts timestamp, word varchar(50)) {rest}"
    )


def bounds(table: PartitionedTable) -> list[tuple[Bound | None, Bound | None]]:
    return [(partition.lower, partition.upper) for partition in table.partitions]


JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


@pytest.mark.parametrize(
    ("by", "first", "second", "kind", "expected"),
    [
        ("(TO_DAYS(day))", "TO_DAYS('2024-01-01')", "TO_DAYS('2024-02-01')", "day", None),
        ("COLUMNS (day)", "'2024-01-01'", "'2024-02-01'", "day", None),
        ("COLUMNS (day)", "'2024-1-1'", "'2024/02/01'", "day", None),
        (
            "(YEAR(day))",
            "2024",
            "2025",
            "day",
            (JANUARY, date(2025, 1, 1)),
        ),
        (
            "COLUMNS (at)",
            "'2024-01-01'",
            "'2024-02-01 10:11:12.5'",
            "moment",
            (datetime(2024, 1, 1), datetime(2024, 2, 1, 10, 11, 12, 500000)),  # noqa: DTZ001
        ),
        (
            "(TO_SECONDS(at))",
            "TO_SECONDS('2024-01-01')",
            "TO_SECONDS('2024-02-01 10:11:12')",
            "moment",
            (datetime(2024, 1, 1), datetime(2024, 2, 1, 10, 11, 12)),  # noqa: DTZ001
        ),
        (
            "(UNIX_TIMESTAMP(ts))",
            "1704067200",
            "1706745600",
            "moment",
            (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)),
        ),
        ("(id)", "10", "20", "integer", (10, 20)),
        ("COLUMNS (id)", "10", "20", "integer", (10, 20)),
        ("(id)", "10", "18446744073709551000", "integer", (10, 18446744073709551000)),
    ],
)
def test_bounds_are_told_as_what_they_mean(
    mariadb: MariadbServer,
    shop: str,
    by: str,
    first: str,
    second: str,
    kind: str,
    expected: tuple[Bound, Bound] | None,
) -> None:
    make(
        mariadb,
        shop,
        f"PARTITION BY RANGE {by} (PARTITION p1 VALUES LESS THAN ({first}),"
        f" PARTITION p2 VALUES LESS THAN ({second}))",
    )
    table = read_one(shop)
    lower, upper = expected or (JANUARY, FEBRUARY)
    assert (table.method, table.kind, table.schema) == ("range", kind, "")
    assert bounds(table) == [(None, lower), (lower, upper)]
    assert type(table.partitions[1].upper) is type(upper)
    assert [partition.name for partition in table.partitions] == ["p1", "p2"]
    assert table.has_default_rows is None
    assert table.leftovers == ()


@pytest.mark.parametrize(
    ("by", "method", "names"),
    [
        ("RANGE COLUMNS (word) (PARTITION p1 VALUES LESS THAN ('2024-01-01'))", "range", ["p1"]),
        ("RANGE COLUMNS (id, day) (PARTITION p1 VALUES LESS THAN (1, MAXVALUE))", "range", ["p1"]),
        ("RANGE (YEAR(day) * 100) (PARTITION p1 VALUES LESS THAN (202400))", "range", ["p1"]),
        ("RANGE (DAYOFYEAR(day)) (PARTITION p1 VALUES LESS THAN (200))", "range", ["p1"]),
        ("LIST (id) (PARTITION p1 VALUES IN (1, 2), PARTITION p2 VALUES IN (0))", "list", None),
        ("LIST COLUMNS (day) (PARTITION p1 VALUES IN ('2024-01-01'))", "list", ["p1"]),
        ("HASH (id) PARTITIONS 2", "hash", ["p0", "p1"]),
        ("LINEAR HASH (id) PARTITIONS 2", "hash", ["p0", "p1"]),
        ("KEY (word) PARTITIONS 2", "hash", ["p0", "p1"]),
    ],
)
def test_what_cannot_be_reckoned_with_is_listed_without_bounds(
    mariadb: MariadbServer, shop: str, by: str, method: str, names: list[str] | None
) -> None:
    make(mariadb, shop, f"PARTITION BY {by}")
    table = read_one(shop)
    assert (table.method, table.kind) == (method, "other")
    assert set(bounds(table)) == {(None, None)}
    assert [partition.name for partition in table.partitions] == (names or ["p1", "p2"])
    assert not any(partition.is_default for partition in table.partitions)


def test_history_by_system_time_is_listed_without_bounds(mariadb: MariadbServer, shop: str) -> None:
    make(
        mariadb,
        shop,
        "WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 MONTH"
        " (PARTITION old HISTORY, PARTITION now CURRENT)",
    )
    table = read_one(shop)
    assert table.kind == "other"
    assert [partition.expression for partition in table.partitions][-1] == "CURRENT"


@pytest.mark.parametrize(
    ("by", "first", "last"),
    [
        ("RANGE (TO_DAYS(day))", "VALUES LESS THAN (0)", "VALUES LESS THAN MAXVALUE"),
        ("RANGE COLUMNS (at)", "VALUES LESS THAN ('2024-01-01')", "VALUES LESS THAN (MAXVALUE)"),
        (
            "RANGE COLUMNS (id, word)",
            "VALUES LESS THAN (1, 'a')",
            "VALUES LESS THAN (MAXVALUE, MAXVALUE)",
        ),
        ("LIST (id)", "VALUES IN (1)", "DEFAULT"),
        ("LIST (id)", "VALUES IN (0)", "DEFAULT"),
        ("LIST COLUMNS (word)", "VALUES IN ('a')", "DEFAULT"),
    ],
)
def test_the_partition_that_takes_whatever_no_other_does_is_the_default(
    mariadb: MariadbServer, shop: str, by: str, first: str, last: str
) -> None:
    make(mariadb, shop, f"PARTITION BY {by} (PARTITION p1 {first}, PARTITION `re``st ü` {last})")
    table = read_one(shop)
    assert [partition.is_default for partition in table.partitions] == [False, True]
    assert table.partitions[1].name == "re`st ü"
    assert table.partitions[1].upper is None
    assert table.has_default_rows is False

    mariadb.execute(
        f"INSERT INTO {quoted(shop, 'event')} VALUES (9, '2030-01-01', '2030-01-01', NOW(), 'z')"
    )
    assert read_one(shop).has_default_rows is True


def test_a_first_partition_for_what_has_no_day_ends_with_the_first_day_there_is(
    mariadb: MariadbServer, shop: str
) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE (TO_DAYS(day)) (PARTITION none VALUES LESS THAN (0),"
        " PARTITION p1 VALUES LESS THAN (TO_DAYS('2024-01-01')))",
    )
    assert bounds(read_one(shop)) == [(None, date.min), (date.min, JANUARY)]


def test_subpartitions_count_into_their_partition(mariadb: MariadbServer, shop: str) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE (YEAR(day)) SUBPARTITION BY HASH (TO_DAYS(day)) SUBPARTITIONS 3"
        " (PARTITION p1 VALUES LESS THAN (2024), PARTITION p2 VALUES LESS THAN (2025))",
    )
    mariadb.execute(
        f"INSERT INTO {quoted(shop, 'event')} (day)"
        f" SELECT DATE('2024-01-01') + INTERVAL seq DAY FROM {quoted(shop, 'seq_1_to_300')}"
    )
    mariadb.execute(f"ANALYZE TABLE {quoted(shop, 'event')}")
    rows = mariadb.execute(
        "SELECT PARTITION_NAME, SUM(DATA_LENGTH + INDEX_LENGTH), SUM(TABLE_ROWS), COUNT(*)"
        " FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s GROUP BY PARTITION_NAME",
        shop,
    )
    found = [(p.name, p.size_bytes, p.rows_estimate, 3) for p in read_one(shop).partitions]
    assert found == sorted(rows)
    assert found[1][2] == 300


def test_names_are_told_exactly_as_the_server_has_them(mariadb: MariadbServer, shop: str) -> None:
    name, column = 'Grö`ße it\'s "q" %s', "da`y, (x)"
    mariadb.execute(
        f"CREATE TABLE {quoted(shop, name)} ({quoted(column)} date)"
        f" PARTITION BY RANGE (TO_DAYS({quoted(column)}))"
        " (PARTITION `P 1` VALUES LESS THAN (TO_DAYS('2024-01-01')))"
    )
    table = read_one(shop, name)
    assert table.key == f"to_days({quoted(column)})"
    assert table.kind == "day"
    assert table.partitions[0].name == "P 1"
    assert table.partitions[0].upper == JANUARY


def test_tables_whose_databases_differ_in_case_only_are_two(mariadb: MariadbServer) -> None:
    plain = mariadb.make_database()
    twin = mariadb.make_database(plain.replace("estate", "Estate"))
    make(
        mariadb,
        plain,
        "PARTITION BY RANGE COLUMNS (day) (PARTITION p VALUES LESS THAN ('2024-01-01'))",
    )
    mariadb.execute(
        f"CREATE TABLE {quoted(twin, 'event')} (day int)"
        " PARTITION BY RANGE COLUMNS (day) (PARTITION p VALUES LESS THAN (5))"
    )
    assert bounds(read_one(plain)) == [(None, JANUARY)]
    assert bounds(read_one(twin)) == [(None, 5)]


def test_a_database_that_is_not_wholly_seen_is_named_as_unread(
    mariadb: MariadbServer, shop: str
) -> None:
    seen = mariadb.make_database()
    for database in (seen, shop):
        make(mariadb, database, "PARTITION BY HASH (id) PARTITIONS 2")
    user = mariadb.make_user("SHOW DATABASES ON *.*", f"SELECT ON {quoted(seen)}.*")
    listing = read(user)
    assert seen in {table.database for table in listing.tables}
    assert shop not in {table.database for table in listing.tables}
    assert shop in listing.unread
    assert "SELECT" in listing.unread[shop]
    assert seen not in listing.unread


def test_without_the_right_to_the_rows_it_is_not_known_whether_the_default_has_any(
    mariadb: MariadbServer, shop: str
) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE (id) (PARTITION p1 VALUES LESS THAN (5),"
        " PARTITION rest VALUES LESS THAN MAXVALUE)",
    )
    listing = read(mariadb.make_user("REFERENCES ON *.*"))
    [table] = [table for table in listing.tables if table.database == shop]
    assert bounds(table) == [(None, 5), (5, None)]
    assert table.has_default_rows is None


def test_a_table_dropped_while_it_is_being_read_is_no_error(
    mariadb: MariadbServer, shop: str
) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE (id) (PARTITION p1 VALUES LESS THAN (5),"
        " PARTITION rest VALUES LESS THAN MAXVALUE)",
    )
    with MysqlAdapter().connect(to()) as session:
        execute = session._connection.execute

        def drop_once_listed(statement: str, *params: Any, **limits: Any) -> Any:
            rows = execute(statement, *params, **limits)
            if "information_schema.PARTITIONS" in statement:
                mariadb.drop_database(shop)
            return rows

        session._connection.execute = drop_once_listed
        [table] = [table for table in session.partitions().tables if table.database == shop]
    assert table.has_default_rows is None


@contextmanager
def locked(place: str) -> Iterator[None]:
    with pymysql.connect(**MARIADB) as other, other.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {place} WRITE")
        yield


def test_tables_that_are_locked_cost_their_own_answer_and_a_few_seconds_in_all(
    mariadb: MariadbServer, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a_stuck", "b_stuck", "c_fine"):
        make(
            mariadb,
            shop,
            "PARTITION BY RANGE (id) (PARTITION p1 VALUES LESS THAN (5),"
            " PARTITION rest VALUES LESS THAN MAXVALUE)",
            name,
        )
        mariadb.execute(f"INSERT INTO {quoted(shop, name)} (id) VALUES (9)")

    def known() -> list[bool | None]:
        return [table.has_default_rows for table in read().tables if table.database == shop]

    with locked(quoted(shop, "a_stuck")):
        assert known() == [None, True, True]
        monkeypatch.setattr(mysql_looks, "IN_VAIN_S", 0.4)
        assert known() == [None, None, None]


def test_a_look_that_takes_too_long_leaves_the_rest_of_the_visit(
    mariadb: MariadbServer,
) -> None:
    with MysqlAdapter().connect(to()) as session:
        looks = Looks(session._connection)
        assert looks.at("SELECT SLEEP(60)") is None
        assert looks.at("SELECT 1") == [(1,)]


def test_after_a_look_into_a_table_nobody_is_kept_from_altering_it(
    mariadb: MariadbServer, shop: str
) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE (id) (PARTITION p1 VALUES LESS THAN (5),"
        " PARTITION rest VALUES LESS THAN MAXVALUE)",
    )
    with MysqlAdapter().connect(to()) as session:
        session.partitions()
        mariadb.execute("SET SESSION lock_wait_timeout = 1")
        mariadb.execute(f"ALTER TABLE {quoted(shop, 'event')} DROP PARTITION p1")


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("TO_DAYS(`d`)", "719528", date(1970, 1, 1)),
        ("to_days(`d`)", "-5", date.min),
        ("to_days(`d`)", "99999999", date.max),
        ("to_seconds(`d`)", "62167219200", datetime(1970, 1, 1)),  # noqa: DTZ001
        ("unix_timestamp(`d`)", "0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("year(`d`)", "0", date.min),
        ("year(`d`)", "12345", date(9999, 1, 1)),
    ],
)
def test_bounds_beyond_what_can_be_said_are_the_first_or_last_that_can(
    key: str, text: str, expected: Bound
) -> None:
    reckoning = reckoning_by_function(key)
    assert reckoning is not None
    assert reckoning.read(text) == expected


@pytest.mark.parametrize("key", ["to_days(`a`) DIV 7", "to_days(`a`),`b`", "f(`a`)", "`a`", ""])
def test_a_key_that_is_more_than_a_function_of_a_column_is_not_taken_for_one(key: str) -> None:
    assert reckoning_by_function(key) is None


@pytest.mark.parametrize("column_type", ["varchar(10)", "time", "timestamp", "point", "year(4)"])
def test_a_column_of_another_type_is_not_reckoned_with(column_type: str) -> None:
    assert reckoning_by_type(column_type) is None


@pytest.mark.parametrize("text", ["'20240101'", "'2024-13-01'", "_latin1'2024-01-01'", "x"])
def test_a_literal_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        mysql_bounds.DATE.read(text)
