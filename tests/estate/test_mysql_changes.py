"""Partitions that are made on the real MariaDB."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.estate.adapters import errors, mysql_changes
from jobs.estate.adapters.base import ConnectionTarget
from jobs.estate.adapters.mysql import MysqlAdapter
from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.adapters.partitions import NewPartition
from tests.estate.conftest import MariadbServer
from tests.estate.test_mysql import to
from tests.estate.test_mysql_partitions import JANUARY, bounds, make, read_one

pytestmark = pytest.mark.once


@pytest.fixture
def shop(mariadb: MariadbServer) -> str:
    return mariadb.make_database()


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


ENDLESS = "CREATE TABLE made AS SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b"


def test_a_change_that_takes_longer_than_the_visit_may_is_ended_by_the_server(
    mariadb: MariadbServer, shop: str
) -> None:
    with (
        change(to(statement_timeout_s=1)) as changer,
        pytest.raises(errors.DidNotAnswer, match="within 6 s"),
    ):
        changer.execute(shop, [ENDLESS])
    assert mariadb.execute(f"SHOW TABLES FROM {quoted(shop)}") == []


def test_a_change_that_keeps_others_waiting_is_ended_by_the_server(
    mariadb: MariadbServer, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_changes, "HOLD_UP_S", 0.2)
    with change() as changer, pytest.raises(errors.HoldsUp, match=r"after 0\.2 s.+ default"):
        changer.execute(shop, [ENDLESS])
    assert mariadb.execute(f"SHOW TABLES FROM {quoted(shop)}") == []
