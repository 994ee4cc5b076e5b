"""Partitions of real servers: found missing, made, detached, and found in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.utils import timezone

from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.models import (
    DatabaseInstance,
    FindingKind,
    Interval,
    PartitionFinding,
    PartitionPolicy,
    SessionStatus,
    SyncSession,
)
from jobs.estate.services.partition_changes import create_by_policy, detach_by_policy
from jobs.estate.services.partition_periods import CalendarPeriods
from jobs.estate.services.partitions import sync_partitions
from tests.estate.conftest import (
    MARIADB,
    POSTGRES,
    MariadbServer,
    PostgresServer,
    postgres_instance,
)
from tests.estate.fakes import NotedExecution

pytestmark = pytest.mark.django_db(transaction=True)

BERLIN = ZoneInfo("Europe/Berlin")
BOUNDS = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition"


def month(number: int, zone: tzinfo = BERLIN) -> date:
    """The first day of the month that comes so many after the present one."""
    months = CalendarPeriods(Interval.MONTH, is_day=True)
    first = months.start(months.index_of(timezone.localdate(timezone=zone)) + number)
    assert isinstance(first, date)
    return first


def follow(instance: DatabaseInstance, database: str, table: str, **fields: Any) -> None:
    values = {"schema": "public", "interval": "month", "premake": 2, **fields}
    PartitionPolicy.objects.create(instance=instance, database=database, table=table, **values)


def told(session: SyncSession) -> dict[str, Any]:
    [table] = session.records.get().details["tables"]
    return dict(table)


def changed(session: SyncSession) -> int:
    record = session.records.get()
    return record.items_created + record.items_removed


def findings(table: str) -> set[str]:
    rows = PartitionFinding.objects.unresolved().filter(table=table)
    return set(rows.values_list("kind", flat=True))


def rows_of(database: str, statement: str) -> list[Any]:
    """Times as they are in Berlin."""
    with psycopg.connect(
        **POSTGRES, dbname=database, options="-c timezone=Europe/Berlin"
    ) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_postgresql_from_a_missing_month_to_a_table_in_order(
    postgres: PostgresServer, only: Callable[..., None], execution: NotedExecution
) -> None:
    """Pain 40."""
    database = postgres.make_database()
    only(database)
    table, quoted_table = 'Mess "werte" %s {} ü', '"Mess ""werte"" %s {} ü"'
    statements = [
        "SET timezone = 'Europe/Berlin'",
        f"CREATE TABLE {quoted_table} (at timestamptz) PARTITION BY RANGE (at)",
    ]
    for number in range(-5, 1):
        statements.append(
            f'CREATE TABLE "Mess_{month(number):%Y_%m}" PARTITION OF {quoted_table}'
            f" FOR VALUES FROM ('{month(number)}') TO ('{month(number + 1)}')"
        )
    statements.append(f"INSERT INTO {quoted_table} VALUES ('{month(-4)} 12:00'), (now())")
    postgres.run_in(database, ";".join(statements))
    instance = postgres_instance(timezone="Europe/Berlin", change_username=POSTGRES["user"])
    follow(instance, database, table, retention=3)

    sync_partitions()
    assert findings(table) == {FindingKind.NONE_AHEAD}
    execution.warnings.clear()  # on the last day of a month it is urgent

    dry = told(create_by_policy(dry_run=True))
    assert told(create_by_policy()) == dry
    assert dry["partitions"] == [f"Mess_{month(1):%Y_%m}", f"Mess_{month(2):%Y_%m}"]
    bounds = rows_of(database, BOUNDS)
    assert len(bounds) == 8
    assert all(text.count("-01 00:00:00") == 2 for (text,) in bounds)
    assert changed(create_by_policy()) == 0
    sync_partitions()
    assert findings(table) == set()

    gone = told(detach_by_policy())
    assert gone["partitions"] == [f"Mess_{month(-5):%Y_%m}", f"Mess_{month(-4):%Y_%m}"]
    assert rows_of(database, f'SELECT count(*) FROM "Mess_{month(-4):%Y_%m}"') == [(1,)]
    assert rows_of(database, f"SELECT count(*) FROM {quoted_table}") == [(1,)]
    assert changed(detach_by_policy()) == 0
    sync_partitions()
    assert findings(table) == {FindingKind.LEFTOVER}
    assert execution.warnings == []


def test_postgresql_makes_all_of_a_tables_partitions_or_none(
    postgres: PostgresServer, only: Callable[..., None], execution: NotedExecution
) -> None:
    database = postgres.make_database()
    only(database)
    postgres.run_in(
        database,
        "CREATE TABLE good (at date) PARTITION BY RANGE (at);"
        "CREATE TABLE bad (at date) PARTITION BY RANGE (at);"
        f"CREATE TABLE bad_{month(2):%Y_%m} (another int)",
    )
    instance = postgres_instance(timezone="Europe/Berlin", change_username=POSTGRES["user"])
    for table in ("good", "bad"):
        follow(instance, database, table)
    session = create_by_policy()
    assert session.status == SessionStatus.COMPLETED
    parents = "SELECT inhparent::regclass::text, count(*) FROM pg_inherits GROUP BY 1"
    assert rows_of(database, parents) == [("good", 3)]
    [warning] = execution.warnings
    assert f"{database}.public.bad: " in warning
    assert "already exists" in warning


def test_postgresql_makes_the_first_partitions_of_moments_in_the_instances_zone(
    postgres: PostgresServer, only: Callable[..., None], execution: NotedExecution
) -> None:
    database = postgres.make_database()
    only(database)
    postgres.run_in(
        database,
        "CREATE TABLE zoned (at timestamptz) PARTITION BY RANGE (at);"
        "CREATE TABLE bare (at timestamp) PARTITION BY RANGE (at)",
    )
    instance = postgres_instance(timezone="Europe/Berlin", change_username=POSTGRES["user"])
    for table in ("zoned", "bare"):
        follow(instance, database, table, premake=12)
    assert changed(create_by_policy()) == 26
    bounds = rows_of(database, BOUNDS)
    assert all(text.count("-01 00:00:00") == 2 for (text,) in bounds)
    sync_partitions()
    assert not PartitionFinding.objects.exists()
    assert changed(create_by_policy()) == 0


def test_postgresql_cut_by_year_and_again_by_month_is_in_order(
    postgres: PostgresServer, only: Callable[..., None], execution: NotedExecution
) -> None:
    database = postgres.make_database()
    only(database)
    year = month(0).year
    statements = ["CREATE TABLE e (at date) PARTITION BY RANGE (at)"]
    for number in range(year - 1, year + 3):
        firsts = [date(number, index, 1) for index in range(1, 13)]
        statements.append(
            f"CREATE TABLE e_{number} PARTITION OF e FOR VALUES FROM ('{firsts[0]}')"
            f" TO ('{date(number + 1, 1, 1)}') PARTITION BY RANGE (at)"
        )
        for lower, upper in zip(firsts, [*firsts[1:], date(number + 1, 1, 1)], strict=True):
            statements.append(
                f"CREATE TABLE e_{lower:%Y_%m} PARTITION OF e_{number}"
                f" FOR VALUES FROM ('{lower}') TO ('{upper}')"
            )
    postgres.run_in(database, ";".join(statements))
    postgres_instance()
    assert sync_partitions().totals["tables"] == 5
    assert not PartitionFinding.objects.exists()


@pytest.mark.parametrize(
    ("column", "key", "bound", "rest"),
    [
        ("date", "RANGE COLUMNS (at)", "('{}')", "(MAXVALUE)"),
        ("datetime", "RANGE (TO_DAYS(at))", "(TO_DAYS('{}'))", "MAXVALUE"),
        ("timestamp", "RANGE (UNIX_TIMESTAMP(at))", "(UNIX_TIMESTAMP('{}'))", "MAXVALUE"),
    ],
)
def test_mariadb_from_a_missing_month_to_a_table_in_order(
    mariadb: MariadbServer,
    execution: NotedExecution,
    column: str,
    key: str,
    bound: str,
    rest: str,
) -> None:
    """Pain 40."""
    database, table = mariadb.make_database(), "Mess `werte` ü"
    place = quoted(database, table)
    first = {number: month(number, UTC) for number in range(-5, 4)}
    parts = [
        f"PARTITION p{first[number]:%Y%m} VALUES LESS THAN {bound.format(first[number + 1])}"
        for number in range(-5, 0)
    ]
    parts.append(f"PARTITION rest VALUES LESS THAN {rest}")
    mariadb.execute("SET time_zone = '+00:00'")
    mariadb.execute(
        f"CREATE TABLE {place} (at {column} NOT NULL) PARTITION BY {key} ({', '.join(parts)})"
    )
    mariadb.execute(f"INSERT INTO {place} VALUES (%s), (%s)", first[-4], first[0])
    instance = DatabaseInstance.objects.create(
        name="maria",
        engine="mysql",
        host=MARIADB["host"],
        port=MARIADB["port"],
        username=MARIADB["user"],
        change_username=MARIADB["user"],
        timezone="UTC",
    )
    follow(instance, database, table, schema="", retention=3)

    sync_partitions()
    assert findings(table) == {
        FindingKind.NONE_FOR_NOW,
        FindingKind.NONE_AHEAD,
        FindingKind.DEFAULT_ROWS,
    }

    assert told(create_by_policy())["partitions"] == [f"p{first[each]:%Y%m}" for each in range(3)]
    now = f"{place} PARTITION (p{first[0]:%Y%m})"
    assert mariadb.execute(f"SELECT COUNT(*) FROM {now}") == [(1,)]
    assert changed(create_by_policy()) == 0
    sync_partitions()
    assert findings(table) == set()

    [problem] = told(detach_by_policy())["problems"]
    assert problem.endswith(f": p{first[-5]:%Y%m}, p{first[-4]:%Y%m}.")
    assert mariadb.execute(f"SELECT COUNT(*) FROM {place}") == [(2,)]
    assert execution.warnings[-1] == f"maria: {database}.{table}: {problem}"
