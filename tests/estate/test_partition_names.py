"""New partitions are named as those are that there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.estate.adapters.partitions import Bound, Partition, PartitionedTable
from jobs.estate.models import Interval
from jobs.estate.services.partition_names import (
    FALLBACK,
    FORMATS,
    MAX_BYTES,
    WEEK_FORMATS,
    names_for,
)
from jobs.estate.services.partition_periods import CALENDAR_START, CalendarPeriods, periods_of
from tests.estate.fake_partitions import months, partitions, table


def next_names(made: PartitionedTable, count: int = 1, **arguments: Any) -> list[str | None]:
    periods = periods_of(made, arguments.get("zones", (ZoneInfo("UTC"),)))
    assert periods is not None
    upper = made.partitions[-1].upper
    assert upper is not None
    first = periods.index_of(upper)
    wanted = list(periods.between(first, first + count - 1))
    return names_for(made, periods, wanted, arguments.get("taken", ()))


def named(names: str, *bounds: Bound) -> PartitionedTable:
    parts = partitions(*bounds, name="")
    renamed = [replace(part, name=name) for part, name in zip(parts, names.split(), strict=True)]
    return table(renamed)


MONTHS = [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("events_2025_11 events_2025_12 events_2026_01", "events_2026_02"),
        ("p202511 p202512 p202601", "p202602"),
        ("p202512 p202601 p202602", "p202603"),  # by where they end
        ("p251101 p251201 p260101", "p260201"),
        ("events_2025-11-30 events_2025-12-31 events_2026-01-31", "events_2026-02-28"),
        ("2025m11_events 2025m12_events 2026m01_events", "2026m02_events"),
        ("Ereignisse_2025_11 Ereignisse_2025_12 Ereignisse_2026_01", "Ereignisse_2026_02"),
        ("odd events_p2025_12 events_p2026_01", "events_p2026_02"),
        ("events_p2025_11 events_p2025_12 odd", "events_p2026_02"),
        ("a b c", "events_2026_02"),
        ("events_2025 events_2026 events_2027", "events_2026_02"),
    ],
)
def test_months_follow_the_pattern_or_the_tables_name(names: str, expected: str) -> None:
    assert next_names(named(names, *MONTHS)) == [expected]


@pytest.mark.parametrize(
    ("names", "bounds", "expected"),
    [
        ("d_20260227 d_20260228", ["2026-02-27", "2026-02-28", "2026-03-01"], "d_20260301"),
        ("w_2026w01 w_2026w02", ["2025-12-29", "2026-01-05", "2026-01-12"], "w_2026w03"),
        ("w_2025_12_29 w_2026_01_05", ["2025-12-29", "2026-01-05", "2026-01-12"], "w_2026_01_12"),
        ("q_2025_q3 q_2025_q4", ["2025-07-01", "2025-10-01", "2026-01-01"], "q_2026_q1"),
        ("y2024 y2025", ["2024-01-01", "2025-01-01", "2026-01-01"], "y2026"),
    ],
)
def test_other_calendars_follow_theirs(names: str, bounds: list[str], expected: str) -> None:
    assert next_names(named(names, *map(date.fromisoformat, bounds))) == [expected]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("p0 p1000 p2000", "p3000"),
        ("p1000 p2000 p3000", "p4000"),
        ("p999 p1999 p2999", "p3999"),
        ("p0 p1 p2", "p3"),
        ("p1 p2 p3", "p4"),
        ("p0000000 p0001000 p0002000", "p0003000"),
        ("events_2_0 events_2_1000 events_2_2000", "events_2_3000"),
        ("a b c", "events_3000"),
    ],
)
def test_numbers_follow_the_pattern_or_the_tables_name(names: str, expected: str) -> None:
    assert next_names(named(names, 0, 1000, 2000, 3000)) == [expected]


def test_moments_are_named_on_the_clock_that_they_are_counted_on() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    bounds = [datetime(2026, month, 1, tzinfo=berlin).astimezone(UTC) for month in (1, 2, 3)]
    made = named("events_2026_01 events_2026_02", *bounds)
    assert next_names(made, zones=(UTC, berlin)) == ["events_2026_03"]


def test_where_partitions_are_no_tables_the_fallback_is_short() -> None:
    assert next_names(replace(named("a b c", *MONTHS), schema="")) == ["p202602"]
    assert next_names(replace(named("a b c", 0, 10, 20, 30), schema="")) == ["p30"]


def test_a_name_that_is_taken_gives_way_to_the_fallback_and_then_to_none() -> None:
    made = named("p2025_11 p2025_12 p2026_01", *MONTHS)
    assert next_names(made, taken={"p2026_02"}) == ["events_2026_02"]
    assert next_names(made, 2, taken={"p2026_02", "events_2026_02"}) == [None, "p2026_03"]


def test_a_long_name_is_cut_where_the_table_is_named_and_not_where_the_period_is() -> None:
    long = table([replace(part, name="x") for part in months("2025-12", "2026-01")], name="ü" * 63)
    [name] = next_names(long)
    assert name is not None
    assert name.endswith("ü_2026_02")
    assert len(name.encode()) <= MAX_BYTES
    numbered = table([Partition("x", "public", 0, 10**18)], name="n" * 63)
    [name] = next_names(numbered)
    assert name is not None
    assert name.endswith("n_1000000000000000000")
    assert len(name.encode()) <= MAX_BYTES


def test_a_pattern_that_has_grown_too_long_gives_way_to_the_fallback() -> None:
    full = "p" * (MAX_BYTES - 3)
    assert next_names(named(f"{full}900", 900, 1000)) == ["events_1000"]


@given(
    interval=st.sampled_from([each for each in Interval if each is not Interval.NUMBER]),
    prefix=st.text("abc_é \"'", min_size=1, max_size=5),
    suffix=st.sampled_from(["", "_part", " x"]),
    first=st.integers(0, 400),
    data=st.data(),
)
def test_every_pattern_is_followed_and_gives_every_period_a_name_of_its_own(
    interval: Interval, prefix: str, suffix: str, first: int, data: Any
) -> None:
    form = data.draw(st.sampled_from(FORMATS[interval]))
    calendar = CalendarPeriods(interval, CALENDAR_START, is_day=True)
    periods = list(calendar.between(first, first + 20))

    def name(day: Any) -> str:
        quarter = str((day.month + 2) // 3)
        return f"{prefix}{day.strftime(form.replace('%q', quarter))}{suffix}"

    parts = [Partition(name(each.lower), "public", each.lower, each.upper) for each in periods]
    made = names_for(table(parts[:3]), calendar, periods[3:], ())
    assert made == [part.name for part in parts[3:]]
    assert len(set(made)) == len(made)


def test_every_interval_of_the_calendar_has_its_formats() -> None:
    assert set(FORMATS) == set(FALLBACK) == set(Interval) - {Interval.NUMBER}
    assert len(set(WEEK_FORMATS)) == len(WEEK_FORMATS)
