from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.admin.charts.time_axis import TimeAxis, labels_of

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def ticks(start: datetime, hours: float, zone: ZoneInfo = BERLIN) -> list[str]:
    return [tick.label for tick in TimeAxis(start, start + timedelta(hours=hours)).ticks(zone)]


def test_ticks_stand_at_round_times_of_the_zone() -> None:
    assert ticks(NOON, 48) == [
        "18:00", "2 Jul", "06:00", "12:00", "18:00", "3 Jul", "06:00", "12:00",
    ]  # fmt: skip
    assert ticks(NOON, 2)[:2] == ["14:00", "14:15"]
    assert ticks(NOON, 14 * 24)[:3] == ["3 Jul", "5 Jul", "7 Jul"]


def test_midnight_names_its_day() -> None:
    days = [
        tick for tick in TimeAxis(NOON, NOON + timedelta(hours=48)).ticks(BERLIN) if tick.is_day
    ]
    assert [tick.label for tick in days] == ["2 Jul", "3 Jul"]


def test_a_clock_change_moves_the_ticks_with_the_clock_on_the_wall() -> None:
    spring = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Berlin; 02:00 is left out
    found = TimeAxis(spring, spring + timedelta(hours=6)).ticks(BERLIN)
    assert [tick.label for tick in found] == [
        "29 Mar",
        "01:00",
        "03:00",
        "04:00",
        "05:00",
        "06:00",
        "07:00",
    ]
    assert found[2].share == pytest.approx(2 / 6)
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin; 02:00 comes twice
    found = TimeAxis(autumn, autumn + timedelta(hours=6)).ticks(BERLIN)
    assert [tick.label for tick in found] == ["25 Oct", "01:00", "02:00", "03:00", "04:00", "05:00"]
    assert found[3].share == pytest.approx(4 / 6)


@pytest.mark.parametrize("hours", [0.05, 1, 12, 24, 7 * 24, 90 * 24, 20 * 365 * 24])
def test_no_range_has_too_many_ticks(hours: float) -> None:
    assert 1 <= len(ticks(NOON, hours)) <= 10


def test_moments_outside_stand_at_the_ends() -> None:
    axis = TimeAxis(NOON, NOON + timedelta(hours=1))
    assert axis.share(NOON - timedelta(days=1)) == 0.0
    assert axis.share(NOON + timedelta(minutes=15)) == 0.25
    assert axis.share(NOON + timedelta(days=1)) == 1.0


@pytest.mark.parametrize(
    ("apart", "shown"),
    [
        (timedelta(hours=1), ["14:00", "15:00"]),
        (timedelta(days=5), ["1 Jul", "6 Jul"]),
        (timedelta(days=400), ["2026-07", "2027-08"]),
    ],
)
def test_labels_tell_moments_apart(apart: timedelta, shown: list[str]) -> None:
    assert labels_of([NOON, NOON + apart], BERLIN) == shown
    assert labels_of([], BERLIN) == []
