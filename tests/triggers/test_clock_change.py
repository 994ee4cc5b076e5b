"""What is said of an occurrence that a change of the clock moves or repeats.

In Berlin the clock goes from 02:00 to 03:00 on 2027-03-28 and from 03:00 to 02:00 on 2027-10-31.
"""

import pytest

from jobs.triggers import build_trigger, clock_change, preview
from tests.triggers.moments import cron, utc

SPRING = utc("2027-03-27 12:00")
AUTUMN = utc("2027-10-30 12:00")


def said(trigger, after, n=2):
    return [clock_change(trigger, due) for due in preview(trigger, n, now=after)]


def test_a_time_that_is_skipped_says_which_and_why():
    assert said(cron("30 2 * * *", "Europe/Berlin"), SPRING) == [
        "02:30 does not exist on this day: the clock is set forward.",
        None,
    ]


def test_the_first_moment_after_the_gap_is_no_moved_one_if_it_is_planned():
    assert said(cron("0 3 * * *", "Europe/Berlin"), SPRING) == [None, None]


def test_of_several_skipped_times_the_first_is_named():
    assert said(cron("10,40 2 * * *", "Europe/Berlin"), SPRING, 1) == [
        "02:10 does not exist on this day: the clock is set forward."
    ]


def test_a_time_that_comes_twice_says_which_is_meant():
    assert said(cron("30 2 * * *", "Europe/Berlin"), AUTUMN) == [
        "02:30 comes twice on this day: the first is meant.",
        None,
    ]


def test_what_follows_real_time_tells_the_two_hours_apart():
    after = utc("2027-10-30 23:45")
    assert said(cron("*/30 * * * *", "Europe/Berlin"), after, 5) == [
        "02:00 comes twice on this day: this is the first.",
        "02:30 comes twice on this day: this is the first.",
        "02:00 comes twice on this day: this is the second.",
        "02:30 comes twice on this day: this is the second.",
        None,
    ]


@pytest.mark.parametrize(
    ("date", "which"),
    [
        ("2027-10-31T02:30:00", "the first is meant"),
        ("2027-10-31T02:30:00+01:00", "this is the second"),
    ],
)
def test_a_date_says_which_of_two_equal_times_it_is(date, which):
    trigger = build_trigger("date", {"run_date": date}, "Europe/Berlin")

    assert said(trigger, AUTUMN) == [f"02:30 comes twice on this day: {which}."]


def test_an_interval_of_days_says_when_its_time_of_day_moves():
    trigger = build_trigger(
        "interval", {"days": 1}, "Europe/Berlin", anchor=utc("2027-03-26 06:00")
    )

    assert said(trigger, utc("2027-03-26 12:00"), 3) == [
        None,
        "The clock has changed: from here on at 08:00, before at 07:00.",
        None,
    ]


def test_the_first_of_an_interval_has_no_time_before_it():
    start = {"days": 1, "start_date": "2027-03-28T08:00:00"}

    assert said(build_trigger("interval", start, "Europe/Berlin"), SPRING) == [None, None]


def test_shorter_intervals_promise_no_time_of_day():
    trigger = build_trigger("interval", {"hours": 6}, "Europe/Berlin")

    assert said(trigger, SPRING, 8) == [None] * 8


def test_jitter_hides_no_change_of_the_clock():
    params = {"cron_expression": "30 2 * * *", "jitter": 900}
    trigger = build_trigger("cron", params, "Europe/Berlin", seed="nightly")

    assert said(trigger, SPRING)[0] == "02:30 does not exist on this day: the clock is set forward."


def test_zones_without_changes_say_nothing():
    assert said(cron("30 2 * * *", "Asia/Shanghai"), SPRING, 100) == [None] * 100
