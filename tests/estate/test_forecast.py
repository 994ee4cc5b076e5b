"""Growth, and the day on which a limit is reached."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.estate.services.forecast import HORIZON_DAYS, UnorderedSizes, growth, reaches

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LARGEST = 2**63 - 1


def daily(*sizes: int) -> list[tuple[datetime, int]]:
    return [(NOON + number * DAY, size) for number, size in enumerate(sizes)]


def test_growth_is_the_slope_of_the_least_squares_line() -> None:
    assert growth(daily(1, 3, 2, 6)) == pytest.approx(1.4)


def test_growth_counts_days_not_points() -> None:
    sizes = [(NOON, 0), (NOON + DAY / 2, 50), (NOON + 10 * DAY, 1000)]
    assert growth(sizes) == pytest.approx(100)


@pytest.mark.parametrize("sizes", [[], daily(7)])
def test_growth_takes_two_points(sizes: list[tuple[datetime, int]]) -> None:
    assert growth(sizes) is None


@pytest.mark.parametrize("later", [NOON, NOON - DAY])
def test_sizes_that_do_not_stand_in_order_are_refused(later: datetime) -> None:
    with pytest.raises(UnorderedSizes, match=NOON.isoformat().replace("+", r"\+")):
        growth([(NOON, 1), (later, 2)])
    with pytest.raises(UnorderedSizes):
        reaches(1, [(NOON, 1), (later, 2)])


@given(st.integers(0, LARGEST), st.integers(2, 400))
def test_what_stays_the_same_does_not_grow(size: int, count: int) -> None:
    assert growth(daily(*[size] * count)) == 0


@given(
    st.integers(0, 10**16),
    st.integers(-(10**12), 10**12),
    st.sets(st.integers(0, 4000), min_size=2, max_size=60),
)
def test_a_straight_line_is_found_whatever_days_are_missing(
    start: int, slope: int, days: set[int]
) -> None:
    sizes = [(NOON + day * DAY, start + slope * day) for day in sorted(days)]
    assert growth(sizes) == pytest.approx(slope, rel=1e-9)


@given(st.lists(st.integers(0, LARGEST), min_size=2, max_size=60))
def test_growth_backwards_in_time_is_shrinking(sizes: list[int]) -> None:
    forwards, backwards = growth(daily(*sizes)), growth(daily(*sizes[::-1]))
    assert forwards is not None
    assert backwards is not None
    assert forwards == pytest.approx(-backwards, rel=1e-6, abs=max(sizes) * 1e-12 + 1e-9)


@pytest.mark.parametrize(
    ("limit", "sizes", "day"),
    [
        (50, daily(10, 20, 30), date(2026, 3, 6)),  # at noon of it
        (51, daily(10, 20, 30), date(2026, 3, 6)),  # in the afternoon
        (56, daily(10, 20, 30), date(2026, 3, 7)),  # after midnight
        (30, daily(10, 20, 30), date(2026, 3, 4)),  # at it
        (29, daily(10, 20, 30), date(2026, 3, 4)),  # above it
        (5, daily(30, 20, 10), date(2026, 3, 4)),  # above it, though shrinking
        (5, daily(10), date(2026, 3, 2)),  # above it, though nothing tells how it grows
        (31, daily(30, 20, 10), None),  # shrinks
        (31, daily(30, 30, 30), None),  # does not grow
        (31, daily(10), None),
        (31, [], None),
    ],
)
def test_the_day_on_which_a_limit_is_reached(
    limit: int, sizes: list[tuple[datetime, int]], day: date | None
) -> None:
    assert reaches(limit, sizes) == day


def test_what_lies_beyond_a_hundred_years_is_no_forecast() -> None:
    grows_by_one = daily(0, 1)
    assert reaches(HORIZON_DAYS + 1, grows_by_one) == date(2026, 3, 3) + HORIZON_DAYS * DAY
    assert reaches(HORIZON_DAYS + 2, grows_by_one) is None
    assert reaches(LARGEST, grows_by_one) is None


@given(st.integers(0, 10**15), st.integers(1, 10**12), st.integers(1, 10**15))
def test_on_that_day_the_line_passes_the_limit(start: int, slope: int, missing: int) -> None:
    sizes = daily(*(start + slope * number for number in range(5)))
    last_at, last_bytes = sizes[-1]
    day = reaches(last_bytes + missing, sizes)
    days = missing / slope
    assume(abs(days + 0.5 - round(days + 0.5)) > 1e-6)  # not just at midnight
    if days > HORIZON_DAYS:
        assert day is None
    else:
        assert day is not None
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert begins <= last_at + days * DAY < begins + DAY
