from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.admin.display import differences, duration, moment, relative

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "12:00:00 UTC"),
        ("Europe/Berlin", "14:00:00 CEST"),
        ("Asia/Dubai", "16:00:00 UTC+04"),
    ],
)
def test_every_time_names_its_zone(zone: str, shown: str) -> None:
    html = str(moment(NOON, ZoneInfo(zone)))
    assert shown in html
    assert zone in html
    assert 'datetime="2026-07-01T12:00:00+00:00"' in html


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "now"),
        (30, "in 30 s"),
        (-125, "2 min ago"),
        (4 * 3600 + 100, "in 4 h"),
        (-47 * 3600, "47 h ago"),
        (3 * 86400, "in 3 days"),
    ],
)
def test_relative_times_are_short(seconds: float, shown: str) -> None:
    assert relative(NOON + timedelta(seconds=seconds), NOON) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, None),
        (0.213, "0.21 s"),
        (41.2, "41 s"),
        (59.7, "1 min 0 s"),
        (303, "5 min 3 s"),
        (7380, "2 h 3 min"),
    ],
)
def test_durations_are_short(seconds: float | None, shown: str | None) -> None:
    assert duration(seconds) == shown


def test_differences_name_what_was_and_what_is() -> None:
    html = str(differences({"name": "<a>"}, {"name": None}))
    assert "&lt;a&gt;" in html
    assert "→ null" in html
    assert "→" not in str(differences(None, {"name": "new"}))
    assert differences(None, None) is None
