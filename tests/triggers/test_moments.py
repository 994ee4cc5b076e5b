"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.triggers.moments import FUTURE, MINUTE, PAST, read_told
from jobs.triggers.zones import SECOND, TICK

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 7, 1, 12, 30, 45, 678, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "moment", "is_naive", "precision"),
    [
        ("2026-03-01T03:00", utc(2026, 3, 1, 2), True, MINUTE),
        ("2026-03-01 03:00", utc(2026, 3, 1, 2), True, MINUTE),
        ("2026-03-01T03:00:00", utc(2026, 3, 1, 2), True, SECOND),
        ("2026-03-01T03:00:00.5", utc(2026, 3, 1, 2, 0, 0, 500_000), True, TICK),
        ("2026-03-01T03:00Z", utc(2026, 3, 1, 3), False, MINUTE),
        ("2026-03-01T03:00:00+09:00", utc(2026, 2, 28, 18), False, SECOND),
        ("2026-03-01", utc(2026, 2, 28, 23), True, MINUTE),
        (" 03:15 ", utc(2026, 7, 1, 1, 15), True, MINUTE),
        ("03:15:30", utc(2026, 7, 1, 1, 15, 30), True, SECOND),
        ("2h", utc(2026, 7, 1, 10, 30), False, MINUTE),
        ("2h ago", utc(2026, 7, 1, 10, 30), False, MINUTE),
        ("in 90 min", utc(2026, 7, 1, 14, 0), False, MINUTE),
        ("45s", utc(2026, 7, 1, 12, 30, 0), False, SECOND),
        ("1D", utc(2026, 6, 30, 12, 30), False, MINUTE),
        ("now", NOW, False, SECOND),
    ],
)
def test_it_is_read_with_its_precision(
    text: str, moment: datetime, is_naive: bool, precision: timedelta
) -> None:
    told = read_told(text, now=NOW, zone=BERLIN)
    assert (told.moment, told.is_naive, told.precision) == (moment, is_naive, precision)


def test_a_bare_span_lies_where_the_question_looks() -> None:
    assert read_told("2h", now=NOW, zone=BERLIN, direction=PAST).moment < NOW
    assert read_told("2h", now=NOW, zone=BERLIN, direction=FUTURE).moment > NOW


def test_a_wall_time_that_the_clock_skips_is_the_first_moment_after_it() -> None:
    assert read_told("2026-03-29T02:30", now=NOW, zone=BERLIN).moment == utc(2026, 3, 29, 1)


def test_of_a_wall_time_that_comes_twice_the_first_is_meant() -> None:
    assert read_told("2026-10-25T02:30", now=NOW, zone=BERLIN).moment == utc(2026, 10, 25, 0, 30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "25:00",
        "12:60",
        "2026-13-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "in 2h ago",
        "999999w",
        "2h\x1b[31m",
        "1" * 5000,
        "٣h",
    ],
)
def test_what_is_no_moment_is_told_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="is not a moment") as caught:
        read_told(text, now=NOW, zone=BERLIN)
    assert "Europe/Berlin" in str(caught.value)
    assert "\x1b" not in str(caught.value)
