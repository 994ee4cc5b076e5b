"""The queries behind the charts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils import timezone

from jobs.estate.models import DatabaseInstance
from jobs.estate.services.aggregates import Wanted, aggregate_sizes
from jobs.estate.services.charts import (
    DAY,
    Outlook,
    SizeChart,
    database_outlooks,
    database_trends,
    largest_databases,
    outlook,
    size_chart,
    small_trends,
)
from tests.estate.fakes import NotedExecution
from tests.estate.snapshots import make_database, make_instance

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 5)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 3, day) for day in (2, 3, 4, 5))
LARGEST = 2**63 - 1


@pytest.fixture
def main() -> DatabaseInstance:
    return make_instance("main")


# --- An instance over time ----------------------------------------------------------------


def chart_of(
    instance: DatabaseInstance, *, most: int = 8, days: int = 4, until: date = TODAY
) -> SizeChart:
    return size_chart(instance, largest_databases(instance, most), until=until, days=days)


def test_a_chart_has_every_day_the_largest_databases_and_the_others_together(
    main: DatabaseInstance,
) -> None:
    make_database(main, "small", {MONDAY: 1, TUESDAY: 2, THURSDAY: 3})
    make_database(main, "large", {MONDAY: 100, TUESDAY: 100, THURSDAY: 90})
    make_database(main, "new", {THURSDAY: 50})
    make_database(main, "tiny", {THURSDAY: 1})
    make_database(make_instance("other"), "elsewhere", {WEDNESDAY: 7})
    chart = chart_of(main, most=2)
    assert chart.days == (MONDAY, TUESDAY, WEDNESDAY, THURSDAY)
    assert chart.total == (101, 102, None, 144)
    assert [(layer.name, layer.sizes) for layer in chart.layers] == [
        ("large", (100, 100, None, 90)),
        ("new", (None, None, None, 50)),
    ]
    assert chart.others == (1, 2, None, 4)


def test_a_database_that_was_passed_over_on_a_day_counts_as_before(main: DatabaseInstance) -> None:
    make_database(main, "small", {MONDAY: 1, TUESDAY: 2, WEDNESDAY: 3, THURSDAY: 4})
    make_database(main, "large", {MONDAY: 100, WEDNESDAY: 90})
    make_database(main, "gone", {MONDAY: 50}, dropped_at=datetime(2026, 3, 3, tzinfo=UTC))
    chart = chart_of(main)
    assert chart.total == (151, 102, 93, 94)
    assert {layer.name: layer.sizes for layer in chart.layers} == {
        "small": (1, 2, 3, 4),
        "large": (100, 100, 90, 90),
        "gone": (50, None, None, None),
    }


def test_the_largest_are_so_by_their_newest_snapshot_and_the_dropped_stand_last(
    main: DatabaseInstance,
) -> None:
    make_database(main, "not measured")
    make_database(main, "shrunk", {MONDAY: 1000, THURSDAY: 1})
    make_database(main, "not of late", {MONDAY: 10})
    make_database(main, "gone", {MONDAY: 50}, dropped_at=datetime(2026, 3, 3, tzinfo=UTC))
    found = [(row.name, row.latest) for row in largest_databases(main, 4)]
    assert found == [("not of late", 10), ("shrunk", 1), ("not measured", None), ("gone", 50)]


def test_a_chart_without_a_snapshot_is_empty_and_says_so(main: DatabaseInstance) -> None:
    make_database(main, "old", {date(2020, 1, 1): 1})
    chart = chart_of(main, days=3)
    assert chart.total == chart.others == chart.layers[0].sizes == (None, None, None)


def test_sizes_beyond_63_bits_together_are_charted(main: DatabaseInstance) -> None:
    for name in ("a", "b"):
        make_database(main, name, {THURSDAY: LARGEST})
    chart = chart_of(main, days=1)
    assert chart.total == (pytest.approx(2 * LARGEST),)
    assert chart.outlook().latest_bytes == chart.total[0]


@pytest.mark.parametrize("databases", [1, 30])
def test_a_chart_and_its_databases_cost_three_statements(
    main: DatabaseInstance, django_assert_num_queries: Callable[[int], Any], databases: int
) -> None:
    for number in range(databases):
        make_database(main, f"database {number}", {MONDAY: 1, TUESDAY: 2})
    with django_assert_num_queries(3):
        chart_of(main)


# --- Small trends -------------------------------------------------------------------------


def test_small_trends_show_the_daily_totals_that_were_aggregated(
    main: DatabaseInstance,
    execution: NotedExecution,
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    make_database(main, "one", {MONDAY: 1, TUESDAY: 2, THURSDAY: 4})
    make_database(main, "two", {MONDAY: 10, TUESDAY: 20, THURSDAY: 40})
    bare = make_instance("bare")
    now = datetime(2026, 3, 6, 4, 0, tzinfo=UTC)
    with timezone.override(UTC):
        aggregate_sizes(Wanted(since=date(2026, 1, 1)), now=now)
    with django_assert_num_queries(1):
        trends = small_trends([main.pk, bare.pk], until=TODAY, days=3)
    assert trends[main.pk].days == (TUESDAY, WEDNESDAY, THURSDAY)
    assert trends[main.pk].sizes == (22, None, 44)
    assert trends[bare.pk].sizes == (None, None, None)


# --- Where it is going --------------------------------------------------------------------


def test_the_outlook_of_an_instance_is_that_of_its_total(main: DatabaseInstance) -> None:
    make_database(main, "one", {MONDAY: 10, TUESDAY: 20, WEDNESDAY: 30})
    make_database(main, "two", dict.fromkeys([MONDAY, TUESDAY, WEDNESDAY], 20))
    chart = chart_of(main)
    expected = Outlook(WEDNESDAY, 50, pytest.approx(10), 100, WEDNESDAY + 5 * DAY)
    assert chart.outlook(100) == expected
    assert chart.outlook(71).reached_on == WEDNESDAY + 2 * DAY
    assert chart.outlook().reached_on is None


def test_growth_is_of_the_last_days_only(main: DatabaseInstance) -> None:
    make_database(main, "one", {date(2026, 1, 1): 10**9, TUESDAY: 20, WEDNESDAY: 30})
    chart = chart_of(main, days=90)
    assert chart.outlook().growth_bytes_per_day == pytest.approx(10)


def test_trends_of_databases_are_those_of_their_snapshots(
    main: DatabaseInstance, django_assert_num_queries: Callable[[int], Any]
) -> None:
    one = make_database(main, "one", {MONDAY: 1, WEDNESDAY: 10, THURSDAY: 20})
    bare = make_database(main, "bare")
    with django_assert_num_queries(1):
        trends = database_trends([one.pk, bare.pk], until=TODAY, days=3)
    assert trends[one.pk].sizes == (None, 10, 20)
    assert trends[one.pk].outlook(50) == Outlook(
        THURSDAY, 20, pytest.approx(10), 50, TODAY + 3 * DAY
    )
    in_chart = chart_of(main, days=90).trends()
    assert in_chart[one.pk].sizes[-3:] == trends[one.pk].sizes
    assert trends[bare.pk].outlook() == Outlook(None, None, None, None, None)


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        ({}, 10, Outlook(None, None, None, 10, None)),
        ({MONDAY: 5}, 10, Outlook(MONDAY, 5, None, 10, None)),
        ({MONDAY: 15}, 10, Outlook(MONDAY, 15, None, 10, MONDAY)),
        ({TUESDAY: 5, MONDAY: 5}, 10, Outlook(TUESDAY, 5, 0.0, 10, None)),
        ({TUESDAY: 5, MONDAY: 4}, None, Outlook(TUESDAY, 5, 1.0, None, None)),
    ],
)
def test_an_outlook_says_what_is_known(
    sizes: dict[date, int], limit: int | None, expected: Outlook
) -> None:
    assert outlook(sizes, limit) == expected


def test_databases_with_a_limit_stand_in_the_order_in_which_they_reach_it(
    main: DatabaseInstance, django_assert_num_queries: Callable[[int], Any]
) -> None:
    grows = {MONDAY: 10, TUESDAY: 20}
    make_database(main, "late", grows, size_limit_bytes=1000)
    make_database(main, "never", {MONDAY: 20, TUESDAY: 10}, size_limit_bytes=30)
    make_database(main, "soon", grows, size_limit_bytes=40)
    make_database(main, "without a limit", grows)
    make_database(
        main, "dropped", grows, size_limit_bytes=40, dropped_at=datetime(2026, 3, 4, tzinfo=UTC)
    )
    make_database(make_instance("other"), "elsewhere", grows, size_limit_bytes=40)
    with django_assert_num_queries(1):
        found = database_outlooks(main, until=TODAY)
    assert [(one.name, one.outlook.reached_on) for one in found] == [
        ("soon", THURSDAY),
        ("late", TUESDAY + 98 * DAY),
        ("never", None),
    ]
