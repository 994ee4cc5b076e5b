from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.triggers import next_fire
from tests.triggers.moments import cron, fields, local_times, utc

# zone, day whose clock is set forward, first valid time after the gap
GAPS = [
    ("Europe/Berlin", "2026-03-29", "02:00", "03:00:00 +0200"),
    ("America/New_York", "2026-03-08", "02:00", "03:00:00 -0400"),
    ("America/Santiago", "2026-09-06", "00:00", "01:00:00 -0300"),
    ("Asia/Beirut", "2026-03-29", "00:00", "01:00:00 +0300"),
    ("Australia/Lord_Howe", "2026-10-04", "02:00", "02:30:00 +1100"),
]
# zone, day whose clock is set back, a repeated time, its first and its second pass
FOLDS = [
    ("Europe/Berlin", "2026-10-25", "02:30", "+0200", "+0100"),
    ("America/New_York", "2026-11-01", "01:30", "-0400", "-0500"),
    ("America/Santiago", "2026-04-04", "23:30", "-0300", "-0400"),
    ("Asia/Beirut", "2026-10-24", "23:30", "+0300", "+0200"),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", "+1100", "+1030"),
]


def _at(clock):
    """The same fixed time in every form that there is."""
    hour, minute = (int(part) for part in clock.split(":"))
    return [
        lambda zone: cron(f"{minute} {hour} * * *", zone),
        lambda zone: cron(f"0 {minute} {hour} * * *", zone),
        lambda zone: cron(f"0 {minute} {hour} * * * *", zone),
        lambda zone: fields({"hour": hour, "minute": minute}, zone),
    ]


@pytest.mark.parametrize(("zone", "day", "gap", "after_gap"), GAPS)
@pytest.mark.parametrize("minutes_in", [0, 15, 29])
@pytest.mark.parametrize("form", range(4))
def test_a_fixed_time_in_the_gap_fires_once_at_its_end(zone, day, gap, after_gap, minutes_in, form):
    """Pain 19: no time is told that does not exist."""
    trigger = _at(f"{gap[:3]}{minutes_in:02}")[form](zone)
    assert local_times(trigger, zone, day) == [after_gap]


@pytest.mark.parametrize(("zone", "day", "clock", "first", "second"), FOLDS)
@pytest.mark.parametrize("form", range(4))
def test_a_fixed_time_in_the_repeated_hour_fires_in_its_first_pass(
    zone, day, clock, first, second, form
):
    """Pain 19."""
    assert local_times(_at(clock)[form](zone), zone, day) == [f"{clock}:00 {first}"]


def test_a_daily_job_at_midnight_fires_once_where_midnight_does_not_exist():
    for zone, day in (("Asia/Beirut", "2026-03-29"), ("America/Santiago", "2026-09-06")):
        assert len(local_times(cron("@daily", zone), zone, day)) == 1
        assert len(local_times(fields({"day": "*"}, zone), zone, day)) == 1


def test_several_fixed_times_in_one_gap_become_one():
    trigger = cron("0,15,30,45 2,3 * * *", "Europe/Berlin")
    assert local_times(trigger, "Europe/Berlin", "2026-03-29") == [
        f"03:{minute}:00 +0200" for minute in ("00", "15", "30", "45")
    ]


def test_a_fixed_range_of_hours_skips_nothing_and_repeats_nothing():
    trigger = cron("0 1-4 * * *", "Europe/Berlin")
    assert local_times(trigger, "Europe/Berlin", "2026-10-25") == [
        "01:00:00 +0200",
        "02:00:00 +0200",
        "03:00:00 +0100",
        "04:00:00 +0100",
    ]


def test_asked_within_the_second_pass_a_fixed_job_goes_on_after_it():
    trigger = cron("* 0-59 2,5 * * *", "Europe/Berlin")
    assert next_fire(trigger, utc("2026-10-25 01:10")) == utc("2026-10-25 04:00")


def test_an_hour_given_as_star_makes_a_job_follow_real_time():
    for trigger in (
        cron("*/30 * * * *", "Europe/Berlin"),
        cron("0 */30 * * * *", "Europe/Berlin"),
        fields({"minute": "*/30"}, "Europe/Berlin"),
    ):
        due, start = [], utc("2026-10-24 22:00")
        moment = next_fire(trigger, start)
        while moment <= start + timedelta(hours=25):
            due.append(moment)
            moment = next_fire(trigger, moment)
        assert due == [start + n * timedelta(minutes=30) for n in range(1, 51)]
        assert len(local_times(trigger, "Europe/Berlin", "2026-03-29")) == 46


def test_lord_howe_repeats_half_an_hour_only():
    trigger = cron("*/15 * * * *", "Australia/Lord_Howe")
    times = local_times(trigger, "Australia/Lord_Howe", "2026-04-05")
    assert [time for time in times if time.startswith("01")] == [
        "01:00:00 +1100",
        "01:15:00 +1100",
        "01:30:00 +1100",
        "01:45:00 +1100",
        "01:30:00 +1030",
        "01:45:00 +1030",
    ]


def test_the_second_pass_is_not_lost_when_the_next_wall_time_is_a_year_away():
    trigger = cron("*/30 2 * 10 7L", "Europe/Berlin")
    assert local_times(trigger, "Europe/Berlin", "2026-10-25") == [
        "02:00:00 +0200",
        "02:30:00 +0200",
        "02:00:00 +0100",
        "02:30:00 +0100",
    ]


def test_a_day_that_a_zone_left_out_is_made_up_for_once():
    trigger = cron("30 12 * * *", "Pacific/Apia")
    assert local_times(trigger, "Pacific/Apia", "2011-12-30") == []
    assert local_times(trigger, "Pacific/Apia", "2011-12-31") == [
        "00:00:00 +1400",
        "12:30:00 +1400",
    ]


def test_a_zone_without_clock_changes_fires_every_day_alike():
    for day in ("2026-03-29", "2026-10-25"):
        assert local_times(cron("30 2 * * *", "Asia/Shanghai"), "Asia/Shanghai", day) == [
            "02:30:00 +0800"
        ]


def test_occurrences_before_and_after_a_change_keep_the_wall_clock():
    trigger = cron("0 3 * * *", "Europe/Berlin")
    assert next_fire(trigger, utc("2026-03-28 00:00")) == utc("2026-03-28 02:00")
    assert next_fire(trigger, utc("2026-03-30 00:00")) == utc("2026-03-30 01:00")


CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
]
minutes = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True)
hours = st.lists(st.integers(0, 23), min_size=1, max_size=4, unique=True)


def _text(numbers):
    return ",".join(str(number) for number in sorted(numbers))


def _walk(trigger, start, end):
    due, moment = [], trigger.after(start)
    while moment is not None and moment <= end:
        due.append(moment)
        moment = trigger.after(moment)
    return due


@settings(deadline=None)
@given(st.sampled_from(CHANGES), minutes)
def test_others_fire_whenever_the_wall_clock_shows_a_matching_time(change, numbers):
    zone, middle = change
    start, end = middle - timedelta(hours=5), middle + timedelta(hours=5)
    every_minute = [start + n * timedelta(minutes=1) for n in range(1, 601)]
    expected = [at for at in every_minute if at.astimezone(ZoneInfo(zone)).minute in numbers]
    assert _walk(cron(f"{_text(numbers)} * * * *", zone), start, end) == expected


@settings(deadline=None)
@given(st.sampled_from(CHANGES), minutes, hours, st.integers(-86_400, 86_400))
def test_fixed_times_fire_once_each_in_order_from_wherever_one_asks(
    change, numbers, hour_numbers, offset
):
    name, middle = change
    zone = ZoneInfo(name)
    start, end = middle - timedelta(days=1), middle + timedelta(days=1)
    trigger = cron(f"{_text(numbers)} {_text(hour_numbers)} * * *", name)
    expected = set()
    wall = start.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    for n in range(4 * 24 * 60):
        at = wall + n * timedelta(minutes=1)
        if at.minute in numbers and at.hour in hour_numbers:
            moment = at.replace(tzinfo=zone).astimezone(UTC)
            while moment.astimezone(zone).replace(tzinfo=None) > at and moment > start:
                earlier = moment - timedelta(minutes=1)
                if earlier.astimezone(zone).replace(tzinfo=None) < at:
                    break
                moment = earlier
            expected.add(moment)
    due = sorted(moment for moment in expected if start < moment <= end)
    assert _walk(trigger, start, end) == due
    asked = middle + timedelta(seconds=offset)
    later = [moment for moment in due if moment > asked]
    if later:
        assert next_fire(trigger, asked) == later[0]
