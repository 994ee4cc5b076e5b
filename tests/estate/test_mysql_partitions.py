"""Partitioned tables on the real MariaDB: what is read of them, and what is made."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.estate.adapters import errors, mysql_bounds
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.mysql import MysqlAdapter
from jobs.estate.adapters.mysql_bounds import reckoning_by_function, reckoning_by_type
from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.adapters.partitions import Bound, NewPartition, PartitionedTable, PartitionListing
from tests.estate.conftest import MariadbServer
from tests.estate.test_mysql import to


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

        def drop_once_listed(statement: str, params: Any = ()) -> Any:
            rows = execute(statement, params)
            if "information_schema.PARTITIONS" in statement:
                mariadb.drop_database(shop)
            return rows

        session._connection.execute = drop_once_listed
        [table] = [table for table in session.partitions().tables if table.database == shop]
    assert table.has_default_rows is None


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


def change(target: ConnectionTarget | None = None) -> Any:
    return MysqlAdapter().connect_to_change(target or to())


def create(shop: str, wanted: list[NewPartition]) -> list[str]:
    table = read_one(shop)
    with change() as changer:
        statements = changer.create_statements(table, wanted)
        changer.execute(shop, statements)
    return statements


def month(number: int) -> NewPartition:
    return NewPartition(f"p2024_{number:02}", date(2024, number, 1), date(2024, number + 1, 1))


@pytest.mark.parametrize("with_rest", [False, True])
@pytest.mark.parametrize(
    ("by", "last"),
    [
        ("(TO_DAYS(day))", "TO_DAYS('2024-01-01')"),
        ("COLUMNS (day)", "'2024-01-01'"),
        ("COLUMNS (at)", "'2024-01-01'"),
        ("(TO_SECONDS(at))", "TO_SECONDS('2024-01-01')"),
        ("(UNIX_TIMESTAMP(ts))", "1704067200"),
    ],
)
def test_partitions_are_made_behind_the_last(
    mariadb: MariadbServer, shop: str, by: str, last: str, with_rest: bool
) -> None:
    rest = ", PARTITION `re``st` VALUES LESS THAN MAXVALUE" if with_rest else ""
    rest = rest.replace("MAXVALUE", "(MAXVALUE)") if "COLUMNS" in by else rest
    make(mariadb, shop, f"PARTITION BY RANGE {by} (PARTITION old VALUES LESS THAN ({last}){rest})")
    before = read_one(shop)
    [statement] = create(shop, [month(2), month(1)])
    after = read_one(shop)
    names = ["old", "p2024_01", "p2024_02", *(["re`st"] if with_rest else [])]
    assert [partition.name for partition in after.partitions] == names
    assert ("REORGANIZE" in statement) is with_rest
    assert after.kind == before.kind
    uppers = [partition.upper for partition in after.partitions]
    assert [upper.strftime("%Y-%m-%d %H:%M") for upper in uppers if upper] == [  # type: ignore[union-attr]
        "2024-01-01 00:00",
        "2024-02-01 00:00",
        "2024-03-01 00:00",
    ]


def test_partitions_are_made_for_moments_with_and_without_a_zone(
    mariadb: MariadbServer, shop: str
) -> None:
    mariadb.execute("SET SESSION time_zone = '+00:00'")
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE (UNIX_TIMESTAMP(ts)) (PARTITION old VALUES LESS THAN (1704067200))",
    )
    lower = datetime(2024, 1, 1, tzinfo=UTC)
    wanted = NewPartition("hour", lower, lower + timedelta(hours=1))
    create(shop, [wanted])
    assert bounds(read_one(shop))[-1] == (lower, lower + timedelta(hours=1))


def test_partitions_are_made_for_numbers_and_years(mariadb: MariadbServer, shop: str) -> None:
    make(mariadb, shop, "PARTITION BY RANGE (id) (PARTITION old VALUES LESS THAN (10))")
    create(shop, [NewPartition("p20", 10, 20), NewPartition("p30", 20, 30)])
    assert bounds(read_one(shop))[1:] == [(10, 20), (20, 30)]

    other = mariadb.make_database()
    make(mariadb, other, "PARTITION BY RANGE (YEAR(day)) (PARTITION old VALUES LESS THAN (2024))")
    create(other, [NewPartition("p2024", JANUARY, date(2025, 1, 1))])
    assert bounds(read_one(other))[-1] == (JANUARY, date(2025, 1, 1))
    with pytest.raises(errors.InstanceError, match=r"YEAR\(\) cannot end on 2025-02-01"):
        create(other, [NewPartition("p", date(2025, 1, 1), date(2025, 2, 1))])


def test_rows_of_the_default_go_into_the_new_partitions(mariadb: MariadbServer, shop: str) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE COLUMNS (day) (PARTITION old VALUES LESS THAN ('2024-01-01'),"
        " PARTITION rest VALUES LESS THAN (MAXVALUE))",
    )
    event = quoted(shop, "event")
    mariadb.execute(f"INSERT INTO {event} (day) VALUES ('2024-01-15'), ('2024-02-15')")
    assert read_one(shop).has_default_rows is True
    create(shop, [month(1), month(2)])
    assert mariadb.execute(f"SELECT day FROM {event} PARTITION (p2024_02)") == [
        (date(2024, 2, 15),)
    ]
    assert read_one(shop).has_default_rows is False


def test_what_lies_before_the_first_new_partition_goes_into_it(
    mariadb: MariadbServer, shop: str
) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE COLUMNS (day) (PARTITION old VALUES LESS THAN ('2024-01-01'))",
    )
    create(shop, [month(3)])
    assert bounds(read_one(shop))[-1] == (JANUARY, date(2024, 4, 1))


def test_a_partition_before_the_last_is_refused_before_anything_is_run(
    mariadb: MariadbServer, shop: str
) -> None:
    make(
        mariadb,
        shop,
        "PARTITION BY RANGE COLUMNS (day) (PARTITION old VALUES LESS THAN ('2024-02-01'))",
    )
    with pytest.raises(errors.InstanceError, match=r"p2024_01.*behind 2024-02-01"):
        create(shop, [month(1), month(2)])
    assert len(read_one(shop).partitions) == 1


@pytest.mark.parametrize(
    "by", ["RANGE (YEAR(day) * 100) (PARTITION p VALUES LESS THAN (1))", "HASH (id)"]
)
def test_what_cannot_be_reckoned_with_gets_no_partitions(
    mariadb: MariadbServer, shop: str, by: str
) -> None:
    make(mariadb, shop, f"PARTITION BY {by}")
    with pytest.raises(errors.InstanceError, match="cannot be reckoned with"):
        create(shop, [month(1)])


def test_for_nothing_wanted_nothing_is_done(mariadb: MariadbServer, shop: str) -> None:
    make(mariadb, shop, "PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (1))")
    assert create(shop, []) == []


def test_names_are_quoted_wherever_they_go(mariadb: MariadbServer, shop: str) -> None:
    name = "ev`ent'; DROP TABLE x; -- %s"
    make(mariadb, shop, "PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (1))", name=name)
    table = read_one(shop, name)
    wanted = [NewPartition("new`); DROP TABLE x; --", 1, 2)]
    with change() as changer:
        changer.execute(shop, changer.create_statements(table, wanted))
    assert read_one(shop, name).partitions[-1].name == "new`); DROP TABLE x; --"


def test_partitions_are_never_detached(mariadb: MariadbServer, shop: str) -> None:
    make(mariadb, shop, "PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (1))")
    with change() as changer:
        assert changer.detach_statements(read_one(shop), ["p"]) == []


def test_a_statement_that_fails_leaves_those_before_it(mariadb: MariadbServer, shop: str) -> None:
    good, bad = "CREATE TABLE made (id int)", "CREATE TABLE made (id int)"
    with change() as changer, pytest.raises(errors.InstanceError, match="already exists"):
        changer.execute(shop, [good, bad])
    assert mariadb.execute(f"SHOW TABLES FROM {quoted(shop)}") == [("made",)]


def test_changes_without_the_right_to_them_are_told_which_it_is(
    mariadb: MariadbServer, shop: str
) -> None:
    make(mariadb, shop, "PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (1))")
    user = mariadb.make_user(f"SELECT ON {quoted(shop)}.*")
    statement = f"ALTER TABLE {quoted(shop, 'event')} DROP PARTITION p"
    with change(to(username=user)) as changer, pytest.raises(errors.RightsMissing, match="ALTER"):
        changer.execute(shop, [statement])


def test_changes_in_a_database_that_is_not_there_are_refused(mariadb: MariadbServer) -> None:
    with change() as changer, pytest.raises(errors.DatabaseNotFound, match="no such"):
        changer.execute("no such database", ["SELECT 1"])


def test_a_change_that_waits_for_a_lock_is_given_up(mariadb: MariadbServer, shop: str) -> None:
    make(mariadb, shop, "PARTITION BY HASH (id) PARTITIONS 2")
    mariadb.execute("SET SESSION autocommit = 0")
    mariadb.execute(f"SELECT * FROM {quoted(shop, 'event')}")
    statement = f"ALTER TABLE {quoted(shop, 'event')} COALESCE PARTITION 1"
    with change() as changer, pytest.raises(errors.InstanceError, match="Lock wait timeout"):
        changer.execute(shop, [statement])
    mariadb.execute("COMMIT")


def test_a_change_that_takes_too_long_is_ended_by_the_server(
    mariadb: MariadbServer, shop: str
) -> None:
    endless = "CREATE TABLE made AS SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b"
    with (
        change(to(statement_timeout_s=1)) as changer,
        pytest.raises(errors.DidNotAnswer, match="within 6 s"),
    ):
        changer.execute(shop, [endless])
    assert mariadb.execute(f"SHOW TABLES FROM {quoted(shop)}") == []


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
