"""What is said of a partitioned table, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.estate.adapters.partitions import Partition, PartitionedTable
from jobs.estate.models import FindingKind, Interval, PartitionPolicy, Severity
from jobs.estate.services.partition_analysis import CHECKS, analyse, nested
from jobs.estate.services.partition_condition import MANY
from jobs.estate.services.partition_found import NAMED, Found
from jobs.estate.services.partition_periods import CALENDAR_START, CalendarPeriods
from tests.estate.fake_partitions import (
    DEFAULT,
    GIB,
    moment,
    months,
    numbers,
    partitions,
    table,
    wall,
)

NOW = moment("2026-03-10T12:00")
OPEN = Partition("events_rest", "public", lower=date(2026, 3, 1))


def look(made: PartitionedTable, **arguments: Any) -> list[tuple[str, str, str]]:
    """Kinds, severities and partitions of what is found."""
    return [
        (each.kind.value, each.severity.value, each.partition)
        for each in analyse(made, arguments.pop("now", NOW), **arguments)
    ]


def only(made: PartitionedTable, **arguments: Any) -> Found:
    [found] = analyse(made, arguments.pop("now", NOW), **arguments)
    return found


def test_a_table_with_partitions_for_now_and_the_next_two_periods_is_in_order() -> None:
    assert look(table(months("2025-06", "2026-05"))) == []


def test_no_partition_for_now_is_an_error_where_rows_are_refused() -> None:
    found = analyse(table(months("2025-06", "2026-02")), NOW)
    assert [(each.kind, each.severity) for each in found] == [
        (FindingKind.NONE_FOR_NOW, Severity.ERROR),
        (FindingKind.NONE_AHEAD, Severity.WARNING),
    ]
    assert found[0].message == "No partition is for now (2026-03-10); its rows are refused."


@pytest.mark.parametrize("catch_all", [DEFAULT, OPEN])
def test_no_partition_for_now_is_a_warning_where_another_catches_its_rows(
    catch_all: Partition,
) -> None:
    found = analyse(table([*months("2025-06", "2026-02"), catch_all]), NOW)
    assert [(each.kind, each.severity) for each in found] == [
        (FindingKind.NONE_FOR_NOW, Severity.WARNING),
        (FindingKind.NONE_AHEAD, Severity.INFO),
    ]
    assert f"its rows go to “{catch_all.name}”" in found[0].message
    assert f"such rows will go to “{catch_all.name}”" in found[1].message


def test_what_lies_before_an_open_end_is_not_caught_by_it() -> None:
    later = replace(OPEN, lower=date(2026, 4, 1))
    assert look(table([*months("2025-06", "2026-02"), later])) == [
        ("none_for_now", "error", ""),
        ("none_ahead", "info", ""),
        ("gap", "warning", "events_rest"),
    ]


def test_a_table_without_any_partition_takes_nothing() -> None:
    for method in ("range", "list", "hash"):
        assert look(table(method=method, kind="other")) == [("none_for_now", "error", "")]


def test_the_next_periods_are_those_of_the_calendar() -> None:
    """Pain 40: on 31 January the next month is February, not what lies 30 days ahead."""
    without_february = months("2025-06", "2026-01") + months("2026-03", "2026-05")
    found = analyse(table(without_february), moment("2026-01-31"))
    assert [each.kind for each in found] == [FindingKind.NONE_AHEAD, FindingKind.GAP]
    assert found[0].details == {"interval": "month", "missing": ["2026-02-01"]}
    assert found[0].message == (
        "Periods ahead without a partition: 1 of 2, from 2026-02-01 on; such rows will be refused."
    )


def test_how_many_periods_must_be_ahead_is_said_by_the_policy() -> None:
    made = table(months("2025-06", "2026-05"))
    assert look(made, policy=PartitionPolicy(interval="month", premake=2)) == []
    found = only(made, policy=PartitionPolicy(interval="month", premake=4))
    assert found.details["missing"] == ["2026-06-01", "2026-07-01"]
    assert look(table(months("2025-06", "2026-03")), policy=PartitionPolicy(premake=0)) == []


def test_a_missing_period_is_an_error_when_it_begins_within_two_days() -> None:
    made = table(months("2025-06", "2026-03"))
    for now, severity in (("2026-03-29T23:59", "warning"), ("2026-03-30", "error")):
        assert look(made, now=moment(now)) == [("none_ahead", severity, "")]


def test_now_is_the_day_in_the_zone_of_the_instance() -> None:
    """At 23:30 in London it is April in Berlin."""
    made = table(months("2025-06", "2026-03"))
    now = moment("2026-03-31T22:30")
    assert look(made, now=now, zones=(ZoneInfo("Europe/London"),))[0][0] == "none_ahead"
    assert look(made, now=now, zones=(ZoneInfo("Europe/Berlin"),))[0][0] == "none_for_now"


def test_moments_with_and_without_a_zone_are_looked_at_alike() -> None:
    for read in (moment, wall):
        bounds = [read(f"2026-0{month}-01") for month in range(1, 7)]
        assert look(table(partitions(*bounds))) == []
        assert look(table(partitions(*bounds[:4]))) == [("none_ahead", "warning", "")]


def test_each_gap_is_told_at_the_partition_after_it() -> None:
    parts = (
        months("2025-06", "2025-08") + months("2025-10", "2025-12") + months("2026-02", "2026-05")
    )
    found = analyse(table(parts), NOW)
    assert [(each.kind, each.partition) for each in found] == [
        (FindingKind.GAP, "events_2025_10"),
        (FindingKind.GAP, "events_2026_02"),
    ]
    assert found[0].message == "No partition is for 2025-09-01 up to 2025-10-01."
    assert look(table([*parts, DEFAULT]))[0] == ("gap", "info", "events_2025_10")


def test_a_range_with_no_lower_end_has_no_gap_below_it() -> None:
    first = Partition("events_old", "public", upper=date(2025, 6, 1))
    assert look(table([*months("2025-06", "2026-05"), first])) == []


def test_rows_in_the_default_partition_are_a_warning() -> None:
    made = table([*months("2025-06", "2026-05"), DEFAULT])
    assert look(replace(made, has_default_rows=True)) == [
        ("default_rows", "warning", "events_default")
    ]
    for has_rows in (False, None):
        assert look(replace(made, has_default_rows=has_rows)) == []


def test_rows_in_an_open_ended_partition_of_time_are_a_warning() -> None:
    rest = replace(OPEN, lower=date(2026, 6, 1), rows_estimate=12)
    found = only(table([*months("2025-06", "2026-05"), rest]))
    assert (found.kind, found.partition) == (FindingKind.DEFAULT_ROWS, "events_rest")
    assert found.details == {"rows_estimate": 12}


def sized(*gib: float) -> list[Partition]:
    made = months("2025-06", "2026-05")
    return [
        replace(part, size_bytes=int(size * GIB))
        for part, size in zip(made, [*gib, *[0] * len(made)], strict=False)
    ]


def test_a_partition_is_oversized_against_the_median_of_those_with_rows() -> None:
    found = only(table(sized(1, 1.5, 0.5, 4)))
    assert (found.kind, found.severity) == (FindingKind.OVERSIZED, Severity.WARNING)
    assert found.partition == "events_2025_09"
    assert found.message == "“events_2025_09” is 4.0 GiB, 3.2 times the median of 1.2 GiB."


@pytest.mark.parametrize(
    "sizes",
    [
        [1, 1, 1, 3],
        [1, 1, 50],
        [0.001, 0.001, 0.001, 0.9],
        [2, 2, 2, 2],
        [],
    ],
)
def test_what_is_usual_small_or_alone_is_not_oversized(sizes: list[float]) -> None:
    assert look(table(sized(*sizes))) == []


def test_unknown_sizes_and_the_default_partition_are_not_measured() -> None:
    default = replace(DEFAULT, size_bytes=500 * GIB)
    parts = [*sized(1, 1, 1), replace(OPEN, lower=date(2026, 6, 1), size_bytes=None), default]
    assert look(table(parts)) == []


def test_too_many_partitions_are_a_warning() -> None:
    first = date(2025, 12, 1)
    bounds = [first + timedelta(days=day) for day in range(MANY + 2)]
    parts = partitions(*bounds, name="events_{:%Y_%m_%d}")
    assert look(table(parts[:MANY])) == []
    assert look(table(parts)) == [("too_many", "warning", "")]


def test_a_missing_index_is_told_of_each_partition() -> None:
    parts = months("2025-06", "2026-05")
    parts[3] = replace(parts[3], missing_indexes=("events_at_idx", "events by user"))
    found = only(table(parts))
    assert (found.kind, found.partition) == (FindingKind.INDEX_MISSING, "events_2025_09")
    assert found.message == (
        "“events_2025_09” lacks these indexes of its table: events_at_idx, events by user."
    )
    assert found.details == {"indexes": ["events_at_idx", "events by user"]}


def test_the_same_about_many_partitions_is_one_finding() -> None:
    bounds = [date(2026, 3, 1) + timedelta(days=day) for day in range(NAMED + 2)]
    parts = partitions(*bounds, name="events_{:%m_%d}", missing_indexes=("events_at_idx",))
    assert len(analyse(table(parts[:NAMED]), NOW)) == NAMED
    found = only(table(parts))
    assert (found.kind, found.partition) == (FindingKind.INDEX_MISSING, "")
    assert found.details["count"] == NAMED + 1
    assert found.message == (
        "21 partitions lack indexes of their table, “events_03_01” among them."
    )


def test_detached_leftovers_are_told_for_information() -> None:
    made = table(months("2025-06", "2026-05"), leftovers=("events_2025_04", "events_2025_05"))
    assert look(made) == [
        ("leftover", "info", "events_2025_04"),
        ("leftover", "info", "events_2025_05"),
    ]


def test_partitions_of_one_name_in_two_schemas_are_told_apart() -> None:
    parts = months("2025-06", "2026-05", missing_indexes=("events_at_idx",))[:2]
    parts = [replace(parts[0], name="p"), replace(parts[1], name="p", schema="archive")]
    made = table([*parts, *months("2025-08", "2026-05")])
    assert [partition for _kind, _severity, partition in look(made)] == ["p", "archive.p"]


@pytest.mark.parametrize("method", ["list", "hash", "range"])
def test_of_what_nobody_can_reckon_with_only_what_needs_no_bounds_is_told(method: Any) -> None:
    parts = [
        Partition(f"p{number}", "public", size_bytes=GIB, expression="IN ('a')")
        for number in range(4)
    ]
    parts[0] = replace(parts[0], size_bytes=9 * GIB, missing_indexes=("idx",))
    default = replace(DEFAULT, size_bytes=99 * GIB)
    made = table(
        [*parts, default], method=method, kind="other", has_default_rows=True, leftovers=("p9",)
    )
    assert look(made) == [
        ("default_rows", "warning", "events_default"),
        ("oversized", "warning", "p0"),
        ("index_missing", "warning", "p0"),
        ("leftover", "info", "p9"),
    ]
    harmless = replace(made, partitions=tuple(parts[1:]), has_default_rows=None, leftovers=())
    assert look(harmless) == []


def test_of_irregular_ranges_only_now_and_gaps_are_told() -> None:
    bounds = [date(2026, 1, 1), date(2026, 1, 11), date(2026, 2, 20), date(2026, 3, 20)]
    assert look(table(partitions(*bounds))) == []
    assert look(table(partitions(*bounds[:3]))) == [("none_for_now", "error", "")]
    gap = partitions(*bounds[:2]) + partitions(*bounds[2:])
    assert [kind for kind, _severity, _partition in look(table(gap))] == ["gap"]


def test_of_numbers_the_highest_rows_say_what_is_ahead() -> None:
    made = table(numbers(0, 10, 20, 30, 40, rows=[9, 9, 0, 0]))
    assert look(made) == []
    ahead = replace(made, partitions=tuple(numbers(0, 10, 20, 30, 40, rows=[9, 9, 9, 0])))
    found = only(ahead)
    assert (found.kind, found.severity) == (FindingKind.NONE_AHEAD, Severity.WARNING)
    assert found.details == {"interval": "number", "missing": ["40"]}


def test_of_numbers_without_known_rows_only_gaps_are_told() -> None:
    assert look(table(numbers(0, 10, 20))) == []
    assert look(table([*numbers(0, 10, 20), *numbers(30, 40)])) == [("gap", "warning", "events_30")]


def test_numbers_that_were_cut_by_hand_and_left_open_are_in_order() -> None:
    parts = [
        Partition("low", upper=1000, rows_estimate=5),
        Partition("high", lower=1000, rows_estimate=5),
    ]
    assert look(table(parts, schema="")) == []


def test_a_partition_that_is_cut_itself_need_not_reach_beyond_its_own_bounds() -> None:
    years = partitions(*[date(year, 1, 1) for year in range(2024, 2029)], name="events_{:%Y}")
    parent = table(years)
    old = table(months("2024-01", "2024-12"), name="events_2024")
    current = table(months("2026-01", "2026-03"), name="events_2026")
    coming = table([], name="events_2027")
    tables = (parent, old, current, coming)
    within = nested(tables)
    assert set(within) == {("shop", "public", each.name) for each in tables[1:]}

    def kinds(made: PartitionedTable, now: str) -> list[str]:
        part = within[("shop", "public", made.name)]
        return [kind for kind, _severity, _partition in look(made, now=moment(now), within=part)]

    assert kinds(old, "2026-03-10") == []
    assert kinds(current, "2026-03-10") == ["none_ahead"]
    assert kinds(current, "2026-04-10") == ["none_for_now", "none_ahead"]
    assert (
        kinds(replace(current, partitions=tuple(months("2026-01", "2026-12"))), "2026-12-30") == []
    )


def test_a_list_of_ranges_is_judged_by_the_ranges_alone() -> None:
    """Of each region there must be a partition for now: by another key nothing is limited."""
    regions = table([Partition("events_eu", "public")], method="list", kind="other", key="region")
    europe = table(months("2026-01", "2026-02"), name="events_eu")
    assert nested([regions, europe]) == {}
    years = table(partitions(date(2026, 1, 1), date(2027, 1, 1), name="events_{:%Y}"))
    by_region = table(
        [Partition("eu", "public")], name="events_2026", method="list", kind="other", key="region"
    )
    leaf = table(months("2026-01", "2026-02"), name="eu")
    assert nested([years, by_region, leaf])[("shop", "public", "eu")] == years.partitions[0]


def test_where_partitions_are_no_tables_a_table_of_the_same_name_is_another() -> None:
    parts = [replace(part, schema="") for part in months("2024-01", "2024-12")]
    one = table(parts, schema="", name="events")
    other = table(parts, schema="", name="events_2024_01")
    assert nested([one, other]) == {}


def test_every_kind_of_finding_has_its_check_and_every_sentence_ends() -> None:
    parts = [
        *sized(1, 1, 1, 1, 1, 1, 9)[:8],
        replace(DEFAULT, missing_indexes=("idx",)),
    ]
    del parts[1]
    made = table(parts, has_default_rows=True, leftovers=("events_2024",))
    many = partitions(*[date(2000, 1, 1) + timedelta(days=day) for day in range(MANY + 2)])
    found = analyse(made, NOW) + analyse(table(many), NOW)
    assert {each.kind for each in found} == set(FindingKind)
    assert all(each.message.endswith(".") for each in found)
    assert len(CHECKS) == len(FindingKind)


@given(
    interval=st.sampled_from([each for each in Interval if each is not Interval.NUMBER]),
    at=st.datetimes(wall("2012-01-01"), wall("2040-01-01")),
    premake=st.integers(0, 5),
    made=st.integers(0, 5),
)
def test_exactly_the_periods_that_are_missing_are_told(
    interval: Interval, at: Any, premake: int, made: int
) -> None:
    """Pain 40."""
    calendar = CalendarPeriods(interval, CALENDAR_START)
    current = calendar.index_of(at)
    parts = [
        Partition(f"p{number}", "public", period.lower, period.upper)
        for number, period in enumerate(calendar.between(current - 3, current + made))
    ]
    policy = PartitionPolicy(interval=interval, premake=premake)
    found = analyse(table(parts), at.replace(tzinfo=UTC), policy)
    missing = max(0, premake - made)
    assert [len(each.details["missing"]) for each in found] == ([missing] if missing else [])
