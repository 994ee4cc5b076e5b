from datetime import date, datetime, timedelta, timezone

import pytest

from jobs.errors import InvalidTrigger
from jobs.triggers import build_trigger, clean_params, next_fire
from tests.triggers.moments import utc

NOW = utc("2026-11-23 10:02:03")


def _once(run_date, timezone="UTC"):
    return build_trigger("date", {"run_date": run_date}, timezone)


@pytest.mark.parametrize(
    ("run_date", "zone", "expected"),
    [
        ("2026-12-01T03:00:00", "UTC", "2026-12-01 03:00"),
        (" 2026-12-01 03:00 ", "Europe/Berlin", "2026-12-01 02:00"),
        ("2026-12-01", "Europe/Berlin", "2026-11-30 23:00"),
        ("2026-12-01T03:00:00+05:00", "Europe/Berlin", "2026-11-30 22:00"),
        ("2026-12-01T03:00:00Z", "Europe/Berlin", "2026-12-01 03:00"),
        (date(2026, 12, 1), "Asia/Shanghai", "2026-11-30 16:00"),
        (datetime(2026, 12, 1, 3), "Asia/Shanghai", "2026-11-30 19:00"),  # noqa: DTZ001
        (datetime(2026, 12, 1, 3, tzinfo=timezone(timedelta(hours=1))), "UTC", "2026-12-01 02:00"),
        ("2027-03-28T02:30:00", "Europe/Berlin", "2027-03-28 01:00"),
        ("2027-10-31T02:30:00", "Europe/Berlin", "2027-10-31 00:30"),
    ],
)
def test_is_due_once(run_date, zone, expected):
    trigger = _once(run_date, zone)
    assert next_fire(trigger, NOW) == utc(expected)
    assert next_fire(trigger, utc(expected)) is None


@pytest.mark.parametrize(
    "run_date",
    [
        "tomorrow",
        "",
        "2026-13-01",
        "2026-02-30",
        "2026-12-01T25:00",
        "1969-12-31",
        "0001-01-01",
        "9999-12-31T23:59:59-12:00",
        1_800_000_000,
        True,
        None,
        [],
        {},
        "٢٠٢٦-12-01",
        datetime(9999, 12, 31, 23, 59, 59),  # noqa: DTZ001
        datetime(1, 1, 1),  # noqa: DTZ001
    ],
)
def test_refuses_what_is_not_a_date_that_can_be(run_date):
    with pytest.raises(InvalidTrigger) as caught:
        _once(run_date, "America/New_York")
    assert list(caught.value.errors) == ["trigger_params.run_date"]


def test_a_run_date_is_needed():
    with pytest.raises(InvalidTrigger, match="give run_date"):
        build_trigger("date", {}, "UTC")


def test_a_past_date_is_refused_when_set_and_taken_from_a_file():
    params = {"run_date": "2020-01-01T00:00:00+00:00"}
    with pytest.raises(InvalidTrigger, match="has passed") as caught:
        clean_params("date", params, "UTC", now=NOW)
    assert list(caught.value.errors) == ["trigger_params.run_date"]
    assert clean_params("date", params, "UTC", now=NOW, allow_past=True) == params
    assert next_fire(build_trigger("date", params, "UTC"), NOW) is None


def test_a_date_past_2099_is_refused():
    with pytest.raises(InvalidTrigger, match="2099"):
        clean_params("date", {"run_date": "2100-01-01"}, "UTC", now=NOW)


def test_the_canonical_form_has_the_offset_of_the_job_s_zone():
    params = {"run_date": "2026-12-01T00:00:00Z"}
    assert clean_params("date", params, "Asia/Shanghai", now=NOW) == {
        "run_date": "2026-12-01T08:00:00+08:00"
    }
