"""Periods are whole days, weeks, months, quarters and years, or steps of numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.estate.adapters.partitions import Bound, Partition
from jobs.estate.models import Interval
from jobs.estate.services.partition_periods import (
    CALENDAR_START,
    CalendarPeriods,
    NumberPeriods,
    Periods,
    periods_of,
)
from jobs.estate.services.partition_ranges import (
    Period,
    covers,
    gap_between,
    is_zoned,
    open_ended,
    overlapping,
    present,
    shown,
    to_wall,
)
from tests.estate.fake_partitions import DEFAULT, moment, months, numbers, partitions, table, wall

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    None,
    UTC,
    BERLIN,
    ZoneInfo("America/New_York"),
    ZoneInfo("America/Havana"),
    ZoneInfo("America/Sao_Paulo"),
    ZoneInfo("Asia/Kolkata"),
    ZoneInfo("Australia/Lord_Howe"),
]
CALENDARS = [each for each in Interval if each is not Interval.NUMBER]


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def following(periods: Periods, at: Bound, count: int) -> list[str]:
    current = periods.index_of(at)
    return [shown(each.lower) for each in periods.between(current + 1, current + count)]


def period_at(periods: Periods, at: Bound) -> Period:
    [here] = periods.between(periods.index_of(at), periods.index_of(at))
    return here


def found(*bounds: Bound, zones: Any = (UTC,)) -> Periods | None:
    return periods_of(table(partitions(*bounds, name="p{}")), zones)


@pytest.mark.parametrize(
    ("bounds", "interval"),
    [
        (days("2026-02-28", "2026-03-01", "2026-03-02"), Interval.DAY),
        (days("2025-12-29", "2026-01-05", "2026-01-12"), Interval.WEEK),
        (days("2026-01-01", "2026-02-01", "2026-03-01"), Interval.MONTH),
        (days("2026-02-01", "2026-03-01"), Interval.MONTH),
        (days("2025-10-01", "2026-01-01", "2026-04-01"), Interval.QUARTER),
        (days("2024-01-01", "2025-01-01", "2026-01-01"), Interval.YEAR),
        (days("2026-01-15", "2026-02-15", "2026-03-15"), Interval.MONTH),
        (days("2026-01-31", "2026-02-28", "2026-03-31"), Interval.MONTH),
        (days("2024-02-29", "2025-02-28"), Interval.YEAR),
    ],
)
def test_the_interval_is_worked_out_from_the_bounds(bounds: list[date], interval: str) -> None:
    periods = found(*bounds)
    assert periods is not None
    assert periods.interval == interval
    assert period_at(periods, bounds[0]) == Period(bounds[0], bounds[1])


@pytest.mark.parametrize(
    "bounds",
    [
        [],
        days("2026-01-01", "2026-01-11", "2026-01-21"),
        days("2026-01-30", "2026-03-01"),
        days("2025-01-01", "2026-01-01", "2026-02-01"),
        days("2026-01-01", "2026-01-11", "2026-02-20", "2026-03-20"),
        [wall("2026-01-01T00"), wall("2026-01-01T01"), wall("2026-01-01T02")],
        [wall("2026-01-01T00"), wall("2026-02-01T01")],
        days("0001-01-01", "0002-01-01"),
        days("2026-01-01", "9999-12-31"),
        [0, 1000, 3000],
    ],
)
def test_bounds_without_a_rule_have_no_interval(bounds: list[Any]) -> None:
    assert found(*bounds) is None


def test_the_newest_partitions_decide_and_one_odd_among_them_does_not() -> None:
    """A table that was cut into years and is now into months goes on with months."""
    bounds = days("2023-01-01", "2024-01-01", "2025-01-01", "2025-02-01", "2025-03-01")
    periods = found(*bounds)
    assert periods is not None
    assert periods.interval == Interval.MONTH
    odd = found(*days("2026-01-01", "2026-02-01", "2026-03-01", "2026-03-11"))
    assert odd is not None
    assert odd.interval == Interval.MONTH


def test_february_is_not_skipped_from_31_january() -> None:
    """Pain 40."""
    periods = periods_of(table(months("2025-10", "2026-01")))
    assert periods is not None
    assert following(periods, date(2026, 1, 31), 3) == ["2026-02-01", "2026-03-01", "2026-04-01"]


def test_months_that_begin_on_the_last_day_do_so_in_short_ones_too() -> None:
    """Pain 40: the 31st is not lost in February."""
    periods = found(*days("2025-12-31", "2026-01-31", "2026-02-28"))
    assert periods is not None
    assert following(periods, date(2026, 2, 1), 3) == ["2026-02-28", "2026-03-31", "2026-04-30"]


@pytest.mark.parametrize(
    ("interval", "at", "ahead"),
    [
        (Interval.DAY, "2028-02-28", ["2028-02-29", "2028-03-01"]),
        (Interval.WEEK, "2026-12-31", ["2027-01-04", "2027-01-11"]),
        (Interval.MONTH, "2026-12-31", ["2027-01-01", "2027-02-01"]),
        (Interval.QUARTER, "2026-11-30", ["2027-01-01", "2027-04-01"]),
        (Interval.YEAR, "2026-01-01", ["2027-01-01", "2028-01-01"]),
    ],
)
def test_the_calendars_own_periods_begin_where_one_expects(
    interval: Interval, at: str, ahead: list[str]
) -> None:
    """Pain 40. Weeks begin on Monday, quarters in January, April, July and October."""
    periods = CalendarPeriods(interval, is_day=True)
    assert following(periods, date.fromisoformat(at), 2) == ahead


def test_numbers_go_on_in_their_step() -> None:
    periods = found(500, 1500, 2500)
    assert periods == NumberPeriods(1500, 1000)
    assert following(periods, 2499, 2) == ["2500", "3500"]
    assert following(periods, -1, 1) == ["500"]


def test_moments_are_read_on_the_clock_on_which_they_are_midnights() -> None:
    local = [datetime(2026, month, 1, tzinfo=BERLIN) for month in (2, 3, 4, 5)]
    bounds = [each.astimezone(UTC) for each in local]
    periods = found(*bounds, zones=(ZoneInfo("Asia/Tokyo"), BERLIN, UTC))
    assert periods is not None
    assert (periods.interval, periods.zone) == (Interval.MONTH, BERLIN)
    november = datetime(2026, 11, 1, tzinfo=BERLIN).astimezone(UTC)
    assert period_at(periods, november - timedelta(seconds=1)).upper == november
    assert november.hour == 23, "winter time"


def test_one_winter_in_utc_is_not_taken_for_that_of_another_zone() -> None:
    bounds = [moment(f"2026-0{month}-01") for month in (1, 2, 3)]
    periods = found(*bounds, zones=(BERLIN, UTC))
    assert periods is not None
    assert periods.zone == UTC


def test_a_year_that_stands_for_ever_is_no_reason_to_fail_in_any_zone() -> None:
    for zone in (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")):
        bounds = [moment(text) for text in ("0001-01-01", "2026-01-01", "2026-02-01")]
        last = datetime(9999, 12, 31, 23, tzinfo=UTC)
        periods = found(*bounds, last, zones=(zone, UTC))
        assert periods is not None
        assert periods.interval == Interval.MONTH
        assert shown(last, zone).startswith("9999-12-31")
        assert shown(bounds[0], zone).startswith("0001-01-01")


def test_the_calendar_has_an_end() -> None:
    periods = CalendarPeriods(Interval.YEAR, is_day=True)
    far = periods.index_of(date(9998, 6, 1))
    assert list(periods.between(far, far + 40_000)) == []
    assert list(periods.between(far - 1, far + 40_000)) == [
        Period(date(9997, 1, 1), date(9998, 1, 1))
    ]
    assert periods.start(-(10**30)) is None
    assert CalendarPeriods(Interval.DAY).start(10**30) is None


wall_times = st.datetimes(wall("2012-01-01"), wall("2040-01-01"))


@given(
    interval=st.sampled_from(CALENDARS),
    zone=st.sampled_from(ZONES),
    month_day=st.integers(1, 31),
    at=wall_times,
)
def test_every_moment_lies_in_exactly_one_period(
    interval: Interval, zone: Any, month_day: int, at: datetime
) -> None:
    """Pain 40: no period is skipped, none overlaps the next."""
    origin = CALENDAR_START.replace(day=month_day)
    periods = CalendarPeriods(interval, origin, month_day, zone=zone)
    bound = at if zone is None else at.replace(tzinfo=UTC)
    index = periods.index_of(bound)
    before, here, after = periods.between(index - 1, index + 1)
    assert here.lower <= bound < here.upper  # type: ignore[operator]
    assert (before.upper, here.upper) == (here.lower, after.lower)
    assert before.lower < here.lower < after.lower  # type: ignore[operator]
    assert periods.index_of(here.lower) == index
    assert periods.index_of(here.upper) == index + 1


@given(
    interval=st.sampled_from(CALENDARS),
    zone=st.sampled_from([None, UTC, ZoneInfo("Asia/Kolkata")]),
    month_day=st.integers(1, 31),
    first=st.integers(0, 300),
    count=st.integers(2, 6),
)
def test_the_periods_that_made_partitions_are_worked_out_from_them_again(
    interval: Interval, zone: Any, month_day: int, first: int, count: int
) -> None:
    origin = CALENDAR_START.replace(day=month_day)
    made = list(
        CalendarPeriods(interval, origin, month_day, zone=zone).between(first, first + count)
    )
    parts = [Partition(f"p{number}", "", *ends(each)) for number, each in enumerate(made)]
    periods = periods_of(table(parts), (zone or UTC,))
    assert periods is not None
    assert periods.interval == interval
    last = periods.index_of(made[-1].lower)
    clamped = month_day > 28 and interval not in (Interval.DAY, Interval.WEEK)
    if not clamped:  # else the months that are there may all be too short to tell
        assert list(periods.between(last - count, last)) == made
    assert next(periods.between(last, last)) == made[-1]


@given(origin=st.integers(-(10**20), 10**20), step=st.integers(1, 10**19), at=st.integers())
def test_every_number_lies_in_exactly_one_period(origin: int, step: int, at: int) -> None:
    periods = NumberPeriods(origin, step)
    here = period_at(periods, at)
    assert here.lower <= at < here.upper  # type: ignore[operator]
    assert periods.index_of(here.upper) == periods.index_of(at) + 1


def ends(period: Period) -> tuple[Bound, Bound]:
    return period.lower, period.upper


def test_what_is_covered_and_what_overlaps() -> None:
    january, february, april = months("2026-01", "2026-02") + months("2026-04", "2026-04")
    parts = [january, february, april]
    first_two = Period(*days("2026-01-01", "2026-03-01"))
    assert covers(parts, first_two)
    assert not covers(parts, Period(*days("2025-12-31", "2026-03-01")))
    assert not covers(parts, Period(*days("2026-02-01", "2026-04-02")))
    assert covers([Partition("p", upper=date(2026, 2, 1)), february], first_two)
    assert covers([Partition("p", lower=date(2025, 2, 1))], first_two)
    assert overlapping(parts, Period(*days("2026-02-28", "2026-04-01"))) == [february]
    assert overlapping(parts, Period(*days("2026-03-01", "2026-04-01"))) == []
    assert gap_between(january, february) is None
    assert gap_between(february, april) == Period(*days("2026-03-01", "2026-04-01"))


def test_lists_hashes_and_what_cannot_be_reckoned_with_have_no_ranges() -> None:
    parts = [Partition("p1", expression="IN ('a')"), Partition("p2", expression="IN ('b')")]
    for method, kind in (("list", "other"), ("hash", "other"), ("range", "other")):
        made = table(parts, method=method, kind=kind)
        assert periods_of(made) is None
        assert open_ended(made) is None
        assert present(made, moment("2026-01-01"), UTC) is None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (numbers(0, 10, 20, 30, rows=[5, 7, 0]), 10),
        (numbers(0, 10, 20, 30, rows=[5, None, None]), 0),
        (numbers(0, 10, 20, 30, rows=[0, 0, 0]), 0),
        (numbers(0, 10, 20, 30), None),
        ([*numbers(0, 10, rows=[0]), DEFAULT], 0),
        ([Partition("p0", upper=10, rows_estimate=3)], 9),
        ([], None),
    ],
)
def test_how_far_numbers_have_got_is_where_the_highest_rows_are(
    parts: list[Partition], expected: int | None
) -> None:
    assert present(table(parts, kind="integer"), moment("2026-01-01"), UTC) == expected


def test_now_is_the_day_or_the_wall_time_of_the_zone() -> None:
    now = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert present(table(kind="day"), now, BERLIN) == date(2026, 2, 1)
    naive = table(partitions(wall("2026-01-01"), wall("2026-02-01")))
    assert present(naive, now, BERLIN) == wall("2026-02-01T00:30")
    zoned = table(partitions(moment("2026-01-01"), moment("2026-02-01")))
    assert present(zoned, now, BERLIN) == now


def test_whether_moments_have_a_zone_is_told_by_bounds_or_by_the_listing() -> None:
    assert is_zoned(table(kind="moment")) is None
    assert is_zoned(table(kind="moment", is_zoned=True)) is True
    assert is_zoned(table(kind="day", is_zoned=True)) is None
    assert is_zoned(table(partitions(wall("2026-01-01"), wall("2026-02-01")))) is False


def test_bounds_are_shown_for_people() -> None:
    assert shown(1000) == "1000"
    assert shown(date(2026, 2, 1)) == "2026-02-01"
    assert shown(moment("2026-01-31T23:00"), BERLIN) == "2026-02-01"
    assert shown(moment("2026-01-31T22:00"), BERLIN) == "2026-01-31 23:00 CET"
    assert shown(wall("2026-01-31T06:30")) == "2026-01-31 06:30"
    with pytest.raises(TypeError):
        to_wall(1, UTC)
