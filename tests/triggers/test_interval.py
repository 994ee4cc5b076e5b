from datetime import timedelta

import pytest

from jobs.errors import InvalidTrigger
from jobs.triggers import build_trigger, clean_params, next_fire, preview
from tests.triggers.moments import utc

ANCHOR = utc("2026-11-23 10:02:03")


def _interval(params, timezone="UTC", anchor=ANCHOR):
    return build_trigger("interval", params, timezone, anchor=anchor)


def test_the_first_occurrence_is_one_interval_after_the_anchor():
    assert next_fire(_interval({"minutes": 15}), ANCHOR) == ANCHOR + timedelta(minutes=15)
    early = ANCHOR - timedelta(days=3)
    assert next_fire(_interval({"minutes": 15}), early) == ANCHOR + timedelta(minutes=15)


def test_the_anchor_is_kept_however_late_one_asks():
    late = ANCHOR + timedelta(days=3000, seconds=1)
    due = next_fire(_interval({"weeks": 0, "hours": "1", "seconds": 7.0}), late)
    assert (due - ANCHOR) % timedelta(hours=1, seconds=7) == timedelta()
    assert late < due <= late + timedelta(hours=1, seconds=7)


def test_an_occurrence_is_strictly_after_the_moment_asked():
    due = ANCHOR + timedelta(minutes=15)
    assert next_fire(_interval({"minutes": 15}), due) == due + timedelta(minutes=15)


def test_a_start_date_is_the_first_occurrence():
    trigger = _interval({"days": 1, "start_date": "2027-01-01 03:00"}, "Europe/Berlin")
    assert next_fire(trigger, ANCHOR) == utc("2027-01-01 02:00")
    assert next_fire(trigger, utc("2027-01-01 02:00")) == utc("2027-01-02 02:00")


def test_days_are_counted_in_real_time_over_a_clock_change():
    trigger = _interval({"days": 1, "start_date": "2026-10-24 12:00"}, "Europe/Berlin")
    assert next_fire(trigger, utc("2026-10-24 10:00")) == utc("2026-10-25 10:00")


def test_nothing_is_due_after_the_end_date():
    trigger = _interval({"hours": 1, "end_date": "2026-11-23 12:02:03"})
    assert preview(trigger, 5, now=ANCHOR) == [
        ANCHOR + timedelta(hours=1),
        ANCHOR + timedelta(hours=2),
    ]


def test_without_an_anchor_it_counts_from_1970():
    assert next_fire(_interval({"hours": 1}, anchor=None), ANCHOR) == utc("2026-11-23 11:00")


def test_nothing_is_scheduled_past_2099():
    assert next_fire(_interval({"weeks": 5000}), ANCHOR) is None
    assert next_fire(_interval({"days": 1}, anchor=utc("9999-12-30")), ANCHOR) is None


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({}, "trigger_params", "Say how often"),
        ({"seconds": 0}, "trigger_params.seconds", "zero"),
        ({"hours": 0, "minutes": "0"}, "trigger_params.hours", "zero"),
        ({"seconds": -5}, "trigger_params.seconds", "“-5” is negative"),
        ({"seconds": "soon"}, "trigger_params.seconds", "“soon” is not a whole number"),
        ({"seconds": "-5"}, "trigger_params.seconds", "“-5” is not a whole number"),
        ({"seconds": ""}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": "٣"}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": "1e9"}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": 1.5}, "trigger_params.seconds", "“1.5” is not a whole number"),
        ({"seconds": float("nan")}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": float("inf")}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": True}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": None}, "trigger_params.seconds", "not a whole number"),
        ({"seconds": [5]}, "trigger_params.seconds", "not a whole number"),
        ({"days": 999_999_999}, "trigger_params.days", "larger than can be scheduled"),
        ({"days": 10**30}, "trigger_params.days", "larger than can be scheduled"),
        ({"days": 1e30}, "trigger_params.days", "larger than can be scheduled"),
        ({"days": "9" * 100}, "trigger_params.days", "larger than can be scheduled"),
        ({"days": 36526}, "trigger_params.days", "“36526” days"),
        ({"minute": 5}, "trigger_params.minute", "no parameter “minute”"),
        ({"hours": 1, "jitter": -1}, "trigger_params.jitter", "negative"),
        ({"hours": 1, "jitter": 10**7}, "trigger_params.jitter", "more than a week"),
        ({"hours": 1, "start_date": "x"}, "trigger_params.start_date", "“x” is not a date"),
    ],
)
def test_refuses(params, field, said):
    with pytest.raises(InvalidTrigger) as caught:
        _interval(params)
    assert said in " ".join(caught.value.errors[field])


def test_the_canonical_form_holds_the_numbers_that_count():
    params = {"hours": "1", "minutes": 0, "seconds": 5.0, "jitter": 0}
    assert clean_params("interval", params, "UTC", now=ANCHOR) == {"hours": 1, "seconds": 5}


def test_one_that_ends_before_it_is_due_is_refused_unless_a_file_holds_it():
    params = {"days": 1, "end_date": "2026-11-24T00:00:00+00:00"}
    with pytest.raises(InvalidTrigger, match="later end"):
        clean_params("interval", params, "UTC", now=ANCHOR)
    assert clean_params("interval", params, "UTC", now=ANCHOR, allow_past=True) == params
