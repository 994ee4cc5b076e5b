"""Whole calendar periods."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.estate.models import PeriodKind
from jobs.estate.services.periods import (
    Period,
    before,
    last_complete,
    period_of,
    periods_within,
)

DAY = timedelta(days=1)
DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))
KINDS = st.sampled_from(PeriodKind)


@pytest.mark.parametrize(
    ("kind", "day", "starts_on", "ends_on"),
    [
        ("daily", "2026-03-02", "2026-03-02", "2026-03-02"),
        ("weekly", "2026-03-02", "2026-03-02", "2026-03-08"),
        ("weekly", "2026-03-08", "2026-03-02", "2026-03-08"),
        ("weekly", "2027-01-01", "2026-12-28", "2027-01-03"),  # ISO week 53 of 2026
        ("monthly", "2026-02-14", "2026-02-01", "2026-02-28"),
        ("monthly", "2028-02-14", "2028-02-01", "2028-02-29"),
        ("monthly", "2026-12-31", "2026-12-01", "2026-12-31"),
        ("quarterly", "2026-03-31", "2026-01-01", "2026-03-31"),
        ("quarterly", "2026-04-01", "2026-04-01", "2026-06-30"),
        ("quarterly", "2026-08-15", "2026-07-01", "2026-09-30"),
        ("quarterly", "2026-10-01", "2026-10-01", "2026-12-31"),
        ("quarterly", "9999-12-31", "9999-10-01", "9999-12-31"),
    ],
)
def test_a_period_has_the_calendars_first_and_last_day(
    kind: str, day: str, starts_on: str, ends_on: str
) -> None:
    found = period_of(date.fromisoformat(day), PeriodKind(kind))
    assert (str(found.starts_on), str(found.ends_on)) == (starts_on, ends_on)


@given(DAYS)
def test_a_week_has_the_seven_days_of_one_iso_week(day: date) -> None:
    """Pain 38: it had eight."""
    week = period_of(day, PeriodKind.WEEKLY)
    assert [one.isoweekday() for one in week.days()] == [1, 2, 3, 4, 5, 6, 7]
    assert {one.isocalendar()[:2] for one in week.days()} == {day.isocalendar()[:2]}


@given(DAYS)
def test_a_quarter_has_all_days_of_its_three_months(day: date) -> None:
    """Pain 38: it omitted the third."""
    quarter = period_of(day, PeriodKind.QUARTERLY)
    months = {(one.year, one.month) for one in quarter.days()}
    assert len(months) == 3
    assert {(month + 2) // 3 for _year, month in months} == {(day.month + 2) // 3}
    assert quarter.starts_on.day == 1
    assert (quarter.ends_on + DAY).day == 1
    assert quarter.length_days in (90, 91, 92)


@given(DAYS)
def test_a_month_has_all_of_its_days_and_no_other(day: date) -> None:
    month = period_of(day, PeriodKind.MONTHLY)
    assert {(one.year, one.month) for one in month.days()} == {(day.year, day.month)}
    assert (month.ends_on + DAY).day == month.starts_on.day == 1


@given(DAYS, KINDS)
def test_a_day_lies_in_its_period_and_so_do_all_others_of_it(day: date, kind: PeriodKind) -> None:
    period = period_of(day, kind)
    assert day in period.days()
    assert {period_of(one, kind) for one in period.days()} == {period}
    assert len(list(period.days())) == period.length_days


@given(DAYS, KINDS)
def test_the_period_before_ends_where_this_one_begins(day: date, kind: PeriodKind) -> None:
    period = period_of(day, kind)
    earlier = before(period)
    assert earlier.ends_on + DAY == period.starts_on
    assert earlier == period_of(earlier.starts_on, kind)


@given(DAYS, KINDS)
def test_the_last_complete_period_is_over_and_the_next_is_not(day: date, kind: PeriodKind) -> None:
    last = last_complete(kind, day)
    assert last.ends_on < day
    assert period_of(last.ends_on + DAY, kind).ends_on >= day


@given(DAYS, KINDS, st.integers(-3, 800))
def test_within_a_range_are_all_periods_that_do_not_reach_out_of_it(
    since: date, kind: PeriodKind, length: int
) -> None:
    until = since + length * DAY
    touched = {period_of(since + number * DAY, kind) for number in range(length + 1)}
    whole = [period for period in touched if since <= period.starts_on and period.ends_on <= until]
    assert periods_within(kind, since, until) == sorted(whole, key=lambda one: one.starts_on)


def test_a_range_of_one_week_holds_seven_days_one_week_and_no_month() -> None:
    since, until = date(2026, 3, 2), date(2026, 3, 8)
    counts = [len(periods_within(kind, since, until)) for kind in PeriodKind]
    assert counts == [7, 1, 0, 0]
    assert periods_within(PeriodKind.WEEKLY, since, until) == [
        Period(PeriodKind.WEEKLY, since, until)
    ]
