"""The figures: what the database works out, beside what plain Python does."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.estate.models import (
    DatabaseInstance,
    DatabaseSizeSnapshot,
    PeriodKind,
    SizeAggregate,
)
from jobs.estate.services import aggregate_rows
from jobs.estate.services.periods import DAY, Period, before, periods_within
from tests.estate.aggregating import LARGEST, NOW, aggregate, row
from tests.estate.fakes import NotedExecution
from tests.estate.snapshots import make_database, make_instance, measure

pytestmark = pytest.mark.django_db

Sizes = Mapping[date, int]


@pytest.fixture
def main(execution: NotedExecution) -> DatabaseInstance:
    return make_instance("main")


# --- Beside plain Python ------------------------------------------------------------------


def reckoned(sizes: Sizes, period: Period) -> dict[str, Any] | None:
    """What an aggregate of these sizes by day must hold."""
    points = [(day.toordinal(), sizes[day]) for day in period.days() if day in sizes]
    if not points:
        return None
    values = [size for _day, size in points]
    earlier = [sizes[day] for day in before(period).days() if day in sizes]
    change = values[-1] - earlier[-1] if earlier else None
    return {
        "ends_on": period.ends_on,
        "samples": len(points),
        "average_bytes": (2 * sum(values) + len(values)) // (2 * len(values)),
        "minimum_bytes": min(values),
        "maximum_bytes": max(values),
        "first_bytes": values[0],
        "last_bytes": values[-1],
        "change_bytes": change,
        "change_percent": approximately(Fraction(100 * change, earlier[-1]))
        if change is not None and earlier[-1]
        else None,
        "trend_bytes_per_day": approximately(slope(points)) if len(points) > 1 else None,
    }


def slope(points: list[tuple[int, int]]) -> Fraction:
    """Of the least-squares line, without any rounding."""
    middle_day = Fraction(sum(day for day, _size in points), len(points))
    middle_size = Fraction(sum(size for _day, size in points), len(points))
    along = sum((day - middle_day) * (size - middle_size) for day, size in points)
    return along / sum((day - middle_day) ** 2 for day, _size in points)


def approximately(exact: Fraction) -> Any:
    return pytest.approx(float(exact), rel=1e-12, abs=1e-9)


def added(all_sizes: Iterable[Sizes]) -> Sizes:
    total: dict[date, int] = {}
    for sizes in all_sizes:
        for day, size in sizes.items():
            total[day] = min(total.get(day, 0) + size, LARGEST)
    return total


def random_sizes(chance: random.Random, days: list[date]) -> Sizes:
    """A database's life: from some day on, to some day, with days missing."""
    begins, ends = sorted(chance.choices(range(len(days)), k=2))
    size = chance.choice([0, 8192, 10**9, 10**13, LARGEST // 3])
    step = chance.choice([0, 1, 8192, 10**10])
    sizes = {}
    for day in days[begins : ends + 1]:
        size = min(max(size + chance.choice([-1, 0, 1, 2]) * step, 0), LARGEST)
        if chance.random() < 0.7:
            sizes[day] = size
    return sizes


@pytest.mark.parametrize("seed", range(4))
def test_all_figures_are_those_of_plain_python(seed: int, execution: NotedExecution) -> None:
    chance = random.Random(seed)
    since, until = date(2025, 11, 20), date(2026, 4, 5)
    days = [since + number * DAY for number in range((until - since).days + 1)]
    expected: dict[tuple[int, int | None], Sizes] = {}
    for name in ("a", "b"):
        instance = make_instance(name)
        lives = [random_sizes(chance, days) for _number in range(5)]
        for number, sizes in enumerate(lives):
            database = make_database(instance, f"database {number}", sizes)
            expected[instance.pk, database.pk] = sizes
        expected[instance.pk, None] = added(lives)
    aggregate(since="2025-01-01")
    found = {
        (one.instance_id, one.database_id, one.kind, one.starts_on): one
        for one in SizeAggregate.objects.all()
    }
    for kind in PeriodKind:
        for period in periods_within(kind, date(2025, 10, 1), until):
            for (instance_id, database_id), sizes in expected.items():
                one = found.pop((instance_id, database_id, kind, period.starts_on), None)
                wanted = reckoned(sizes, period)
                assert (one and {name: getattr(one, name) for name in wanted or {}}) == wanted
    assert found == {}


# --- What is defined about odd cases ------------------------------------------------------


def test_days_of_the_last_century_are_days_too(main: DatabaseInstance) -> None:
    make_database(main, sizes={"1999-11-30": 1, "1999-12-31": 2, "2000-01-01": 4})
    aggregate("monthly", since="1999-01-01")
    found = SizeAggregate.objects.filter(database=None).order_by("starts_on")
    assert list(found.values_list("starts_on", "ends_on", "change_bytes")) == [
        (date(1999, 11, 1), date(1999, 11, 30), None),
        (date(1999, 12, 1), date(1999, 12, 31), 1),
        (date(2000, 1, 1), date(2000, 1, 31), 2),
    ]


def test_a_new_database_has_no_change(main: DatabaseInstance) -> None:
    make_database(main, sizes={"2026-03-10": 5, "2026-03-12": 9})
    aggregate("monthly")
    march = row("monthly")
    assert (march.change_bytes, march.change_percent) == (None, None)
    assert (march.samples, march.average_bytes, march.trend_bytes_per_day) == (2, 7, 2)


def test_a_dropped_database_counts_on_the_days_on_which_it_was_there(
    main: DatabaseInstance,
) -> None:
    make_database(main, "stays", {"2026-02-28": 10, "2026-03-01": 10, "2026-03-31": 10})
    make_database(main, "goes", {"2026-02-28": 90, "2026-03-01": 90}, dropped_at=NOW)
    aggregate("monthly")
    assert row("monthly", database="goes").samples == 1
    total = row("monthly", database=None)
    assert (total.first_bytes, total.last_bytes, total.change_bytes) == (100, 10, -90)
    assert total.change_percent == -90
    aggregate("daily", since="2026-03-31", until="2026-03-31")
    assert not SizeAggregate.objects.filter(kind="daily", database__name="goes").exists()


def test_a_change_is_not_measured_over_a_period_without_snapshots(main: DatabaseInstance) -> None:
    make_database(main, sizes={"2026-04-03": 10, "2026-04-05": 20})
    aggregate("daily", since="2026-04-03", until="2026-04-05")
    assert SizeAggregate.objects.filter(kind="daily").count() == 4
    assert set(SizeAggregate.objects.values_list("change_bytes", flat=True)) == {None}


@pytest.mark.parametrize(
    ("sizes", "change", "percent"),
    [
        ((0, 0), 0, None),
        ((0, 5), 5, None),
        ((5, 0), -5, -100),
        ((5, 5), 0, 0),
        ((1, 1001), 1000, 100_000),
        ((1, LARGEST), LARGEST - 1, pytest.approx(100 * (LARGEST - 1))),
        ((LARGEST, 0), -LARGEST, -100),
    ],
)
def test_percentages_are_of_any_size_and_of_zero_there_is_none(
    main: DatabaseInstance, sizes: tuple[int, int], change: int, percent: float | None
) -> None:
    """Pain 39: they overflowed their column at 1,000 %, and zero sizes divided by zero."""
    make_database(main, sizes=dict(zip(["2026-04-04", "2026-04-05"], sizes, strict=True)))
    aggregate("daily")
    for database in ("one", None):
        found = row("daily", database=database)
        assert (found.change_bytes, found.change_percent) == (change, percent)


def test_what_stays_the_same_has_no_trend_at_all(main: DatabaseInstance) -> None:
    size = LARGEST - 12_345
    make_database(main, sizes={date(2026, 1, 1) + number * DAY: size for number in range(90)})
    aggregate("quarterly")
    assert row("quarterly").trend_bytes_per_day == 0
    assert row("quarterly").average_bytes == size


def test_a_sum_beyond_63_bits_is_stored_as_the_greatest_that_there_is(
    main: DatabaseInstance,
) -> None:
    for number in range(3):
        make_database(main, f"huge {number}", {"2026-04-04": 1, "2026-04-05": LARGEST})
    aggregate("weekly")
    total = row("weekly", database=None)
    assert (total.minimum_bytes, total.maximum_bytes) == (3, LARGEST)
    assert (total.first_bytes, total.last_bytes) == (3, LARGEST)


def test_the_largest_sum_that_fits_is_exact(main: DatabaseInstance) -> None:
    make_database(main, "much", {"2026-04-05": LARGEST - 5})
    make_database(main, "little", {"2026-04-05": 5})
    aggregate("daily")
    assert row("daily", database=None).last_bytes == LARGEST


def test_a_system_database_counts_where_it_was_measured(main: DatabaseInstance) -> None:
    make_database(main, "one", {"2026-04-05": 10})
    make_database(main, "template1", {"2026-04-05": 7}, is_system=True)
    make_database(main, "template0", is_system=True)
    aggregate("daily")
    assert row("daily", database=None).last_bytes == 17
    assert SizeAggregate.objects.count() == 3


# --- Again, and later ---------------------------------------------------------------------


def contents() -> list[dict[str, Any]]:
    return list(SizeAggregate.objects.order_by("pk").values())


def test_to_aggregate_again_changes_nothing_but_the_time(main: DatabaseInstance) -> None:
    make_database(main, sizes={"2026-03-01": 10, "2026-04-04": 20, "2026-04-05": 30})
    aggregate()
    first = contents()
    later = NOW + timedelta(hours=1)
    aggregate(now=later)
    assert contents() == [{**one, "computed_at": later} for one in first]


def test_a_snapshot_that_came_later_is_taken_in(main: DatabaseInstance) -> None:
    one = make_database(main, sizes={"2026-04-04": 20, "2026-04-05": 30})
    aggregate("weekly")
    measure(one, {"2026-04-01": 100})
    DatabaseSizeSnapshot.objects.filter(day="2026-04-05").update(total_bytes=31)
    aggregate("weekly")
    for database in ("one", None):
        week = row("weekly", database=database)
        assert (week.samples, week.first_bytes, week.last_bytes) == (3, 100, 31)


def test_aggregates_outlive_the_snapshots_that_they_were_made_of(main: DatabaseInstance) -> None:
    make_database(main, sizes={"2026-02-27": 1, "2026-03-02": 2, "2026-03-20": 3, "2026-04-05": 4})
    aggregate("monthly", since="2026-02-01")
    whole = contents()
    assert row("monthly", starts_on="2026-03-01").change_bytes == 2
    later = NOW + timedelta(hours=1)
    DatabaseSizeSnapshot.objects.filter(day__lt="2026-03-02").delete()
    aggregate("monthly", since="2026-02-01", now=later)
    february, march = whole[0::2], whole[1::2]
    assert {one["starts_on"].month for one in february} == {2}
    kept = [{**one, "computed_at": later} for one in march]
    assert sorted(contents(), key=str) == sorted([*february, *kept], key=str)
    DatabaseSizeSnapshot.objects.filter(day__lt="2026-03-20").delete()
    aggregate("monthly", since="2026-02-01", now=later + timedelta(hours=1))
    assert sorted(contents(), key=str) == sorted([*february, *kept], key=str)


# --- What it costs ------------------------------------------------------------------------


def statements(**wanted: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        aggregate(**wanted)
    return len(captured)


def test_many_databases_and_periods_cost_as_many_statements_as_one(
    main: DatabaseInstance, execution: NotedExecution
) -> None:
    make_database(main, sizes={"2026-03-01": 1})
    one = statements(since="2026-01-01", until="2026-03-31")
    days = [date(2025, 7, 1) + number * DAY for number in range(274)]
    for number in range(20):
        make_database(main, f"further {number}", dict.fromkeys(days, number))
    assert statements(since="2025-07-01", until="2026-03-31") == one
    assert SizeAggregate.objects.filter(kind="daily").count() == 274 * 21 + 1


on_sqlite = pytest.mark.skipif(
    "connection.vendor == 'postgresql'", reason="PostgreSQL writes at once, and excludes nobody"
)


@on_sqlite
def test_rows_are_written_in_slices_between_which_others_get_their_turn(
    main: DatabaseInstance, execution: NotedExecution, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        make_database(main, f"database {number}", {"2026-04-05": number})
    naps: list[float] = []
    monkeypatch.setattr(aggregate_rows.time, "sleep", naps.append)
    monkeypatch.setattr(aggregate_rows, "SLICE", 3)
    aggregation = aggregate("daily")
    assert aggregation.session.totals == {"aggregates": 8}
    assert naps == [aggregate_rows.PAUSE_S] * 2
    assert SizeAggregate.objects.count() == 8


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_while_aggregates_are_worked_out_others_may_write(
    main: DatabaseInstance, execution: NotedExecution
) -> None:
    days = [date(2026, 1, 1) + number * DAY for number in range(90)]
    for number in range(20):
        make_database(main, f"database {number}", dict.fromkeys(days, number))
    other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0, isolation_level=None)
    written = 0

    def write() -> int:
        nonlocal written
        other.execute("BEGIN IMMEDIATE").connection.rollback()
        written += 1
        return 0

    def while_working_out(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        is_work = "CREATE TABLE temp" in sql
        connection.connection.set_progress_handler(write if is_work else None, 10_000)
        return execute(sql, params, many, context)

    with closing(other), connection.execute_wrapper(while_working_out):
        aggregate("quarterly")
    assert written > 1
    assert SizeAggregate.objects.count() == 21
