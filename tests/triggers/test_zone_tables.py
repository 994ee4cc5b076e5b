"""Exact moments around clock changes, reckoned by hand from the rule of design.md section 5.

The rule: a fixed-time cron job (neither minute nor hour starts with a star) fires once on a day
when the clock changes, in the gap at the first valid moment after it, in the fold at the first
of the two; every other one follows real time. The changes themselves, in UTC (IANA tz):

- America/Santiago: 2026-04-05 03:00, -03 to -04, so Saturday's 23:00 to 24:00 comes twice;
  2026-09-06 04:00, -04 to -03, so Sunday has no 00:00 to 01:00.
- Asia/Beirut: 2026-03-28 22:00, +02 to +03, so the 29th has no 00:00 to 01:00;
  2026-10-24 21:00, +03 to +02, so the 24th has 23:00 to 24:00 twice.
- Australia/Lord_Howe: 2026-04-04 15:00, +11 to +10:30, so the 5th has 01:30 to 02:00 twice;
  2026-10-03 15:30, +10:30 to +11, so the 4th has no 02:00 to 02:30.
- Europe/Moscow: 2011-03-26 23:00, +03 to +04 for good ("summer time the whole year", no 02:00 to
  03:00 on the 27th); 2014-10-25 22:00, +04 to +03 for good (01:00 to 02:00 twice on the 26th).
- Asia/Pyongyang: 2015-08-14 15:00, +09 to +08:30 (23:30 to 24:00 twice on the 14th);
  2018-05-04 15:00, +08:30 back to +09 (no 23:30 to 24:00 on the 4th).
- Pacific/Apia: 2011-12-30 10:00, -10 to +14: the 30th, a Friday, did not take place.
- Africa/Casablanca: since 2018-10-28 +01 all the year except in Ramadan: 2019-05-05 02:00,
  +01 to +00 (02:00 to 03:00 twice); 2019-06-09 02:00, +00 to +01 (no 02:00 to 03:00).
- Antarctica/Troll: two hours at once: 2026-03-29 01:00, +00 to +02 (no 01:00 to 03:00);
  2026-10-25 01:00, +02 to +00 (01:00 to 03:00 twice).
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from jobs.triggers import build_trigger, next_fire
from tests.triggers.moments import cron, fields, utc

# zone, cron expression, the same as fields, day before which to ask (UTC), occurrences
FIXED = [
    (
        "America/Santiago",
        "0 0 * * *",
        {"hour": 0},
        "2026-09-05",
        ["2026-09-05T00:00-04:00", "2026-09-06T01:00-03:00", "2026-09-07T00:00-03:00"],
    ),
    (
        "America/Santiago",
        "30 0 * * *",
        {"hour": 0, "minute": 30},
        "2026-09-05",
        ["2026-09-05T00:30-04:00", "2026-09-06T01:00-03:00", "2026-09-07T00:30-03:00"],
    ),
    (
        "America/Santiago",
        "30 0 * * 0",  # on Sundays alone, and this Sunday has no such time
        {"day_of_week": "sun", "hour": 0, "minute": 30},
        "2026-08-30",
        ["2026-08-30T00:30-04:00", "2026-09-06T01:00-03:00", "2026-09-13T00:30-03:00"],
    ),
    (
        "America/Santiago",
        "30 23 * * *",
        {"hour": 23, "minute": 30},
        "2026-04-04",
        ["2026-04-03T23:30-03:00", "2026-04-04T23:30-03:00", "2026-04-05T23:30-04:00"],
    ),
    (
        "Asia/Beirut",
        "0 0 * * *",
        {"hour": 0},
        "2026-03-27",
        ["2026-03-28T00:00+02:00", "2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00"],
    ),
    (
        "Asia/Beirut",
        "45 23 * * *",
        {"hour": 23, "minute": 45},
        "2026-10-23",
        ["2026-10-23T23:45+03:00", "2026-10-24T23:45+03:00", "2026-10-25T23:45+02:00"],
    ),
    (
        "Australia/Lord_Howe",
        "15 2 * * *",
        {"hour": 2, "minute": 15},
        "2026-10-02",
        ["2026-10-03T02:15+10:30", "2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
    ),
    (
        "Australia/Lord_Howe",
        "15,30,45 2 * * *",  # 02:15 moves to where 02:30 stands already: one run for both
        {"hour": 2, "minute": "15,30,45"},
        "2026-10-03T12:00",
        ["2026-10-04T02:30+11:00", "2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"],
    ),
    (
        "Australia/Lord_Howe",
        "15,45 1 * * *",  # 01:15 stands before the repeated half hour, 01:45 in it
        {"hour": 1, "minute": "15,45"},
        "2026-04-04T12:00",
        ["2026-04-05T01:15+11:00", "2026-04-05T01:45+11:00", "2026-04-06T01:15+10:30"],
    ),
    (
        "Europe/Moscow",
        "30 2 * * *",
        {"hour": 2, "minute": 30},
        "2011-03-24",
        [
            "2011-03-25T02:30+03:00",
            "2011-03-26T02:30+03:00",
            "2011-03-27T03:00+04:00",
            "2011-03-28T02:30+04:00",
        ],
    ),
    (
        "Europe/Moscow",
        "30 2 * * *",  # no winter time came that year
        {"hour": 2, "minute": 30},
        "2011-10-28",
        ["2011-10-29T02:30+04:00", "2011-10-30T02:30+04:00", "2011-10-31T02:30+04:00"],
    ),
    (
        "Europe/Moscow",
        "30 1 * * *",
        {"hour": 1, "minute": 30},
        "2014-10-24",
        [
            "2014-10-25T01:30+04:00",
            "2014-10-26T01:30+04:00",
            "2014-10-27T01:30+03:00",
        ],
    ),
    (
        "Asia/Pyongyang",
        "45 23 * * *",
        {"hour": 23, "minute": 45},
        "2015-08-13",
        ["2015-08-13T23:45+09:00", "2015-08-14T23:45+09:00", "2015-08-15T23:45+08:30"],
    ),
    (
        "Asia/Pyongyang",
        "45 23 * * *",
        {"hour": 23, "minute": 45},
        "2018-05-03",
        ["2018-05-03T23:45+08:30", "2018-05-05T00:00+09:00", "2018-05-05T23:45+09:00"],
    ),
    (
        "Pacific/Apia",
        "30 12 * * *",
        {"hour": 12, "minute": 30},
        "2011-12-29",
        ["2011-12-29T12:30-10:00", "2011-12-31T00:00+14:00", "2011-12-31T12:30+14:00"],
    ),
    (
        "Pacific/Apia",
        "30 12 * * 5",  # on Fridays, and this Friday did not take place
        {"day_of_week": "fri", "hour": 12, "minute": 30},
        "2011-12-20",
        ["2011-12-23T12:30-10:00", "2011-12-31T00:00+14:00", "2012-01-06T12:30+14:00"],
    ),
    (
        "Africa/Casablanca",
        "30 2 * * *",
        {"hour": 2, "minute": 30},
        "2019-05-04",
        ["2019-05-04T02:30+01:00", "2019-05-05T02:30+01:00", "2019-05-06T02:30+00:00"],
    ),
    (
        "Africa/Casablanca",
        "30 2 * * *",
        {"hour": 2, "minute": 30},
        "2019-06-08",
        ["2019-06-08T02:30+00:00", "2019-06-09T03:00+01:00", "2019-06-10T02:30+01:00"],
    ),
    (
        "Africa/Casablanca",
        "0 12 1 1,7,12 *",  # the law changed in October 2018: winters have been at +01 since
        {"month": "1,7,12", "day": 1, "hour": 12},
        "2017-12-02",
        [
            "2018-01-01T12:00+00:00",
            "2018-07-01T12:00+01:00",
            "2018-12-01T12:00+01:00",
            "2019-01-01T12:00+01:00",
        ],
    ),
    (
        "Antarctica/Troll",
        "30 1,2,3 * * *",  # 01:30 and 02:30 are in one gap: one run at its end, then 03:30
        {"hour": "1,2,3", "minute": 30},
        "2026-03-28T12:00",
        ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00", "2026-03-30T01:30+02:00"],
    ),
    (
        "Antarctica/Troll",
        "30 1,2 * * *",
        {"hour": "1,2", "minute": 30},
        "2026-10-24T12:00",
        ["2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T01:30+00:00"],
    ),
]

REAL_TIME = [
    (
        "America/Santiago",
        "30 * * * *",  # Sunday has no 00:30, and is shorter by an hour: nothing to make up for
        {"minute": 30},
        "2026-09-06T02:45",
        ["2026-09-05T23:30-04:00", "2026-09-06T01:30-03:00", "2026-09-06T02:30-03:00"],
    ),
    (
        "America/Santiago",
        "30 * * * *",
        {"minute": 30},
        "2026-04-05T01:45",
        ["2026-04-04T23:30-03:00", "2026-04-04T23:30-04:00", "2026-04-05T00:30-04:00"],
    ),
    (
        "Asia/Beirut",
        "*/30 0 * * *",  # the minute starts with a star; its hour does not exist on the 29th
        {"hour": 0, "minute": "*/30"},
        "2026-03-27T21:45",
        ["2026-03-28T00:00+02:00", "2026-03-28T00:30+02:00", "2026-03-30T00:00+03:00"],
    ),
    (
        "Australia/Lord_Howe",
        "15 * * * *",  # no second 01:15: only the half hour from 01:30 comes twice
        {"minute": 15},
        "2026-04-04T13:30",
        ["2026-04-05T01:15+11:00", "2026-04-05T02:15+10:30", "2026-04-05T03:15+10:30"],
    ),
    (
        "Australia/Lord_Howe",
        "45 * * * *",
        {"minute": 45},
        "2026-04-04T14:00",
        ["2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30", "2026-04-05T02:45+10:30"],
    ),
    (
        "Australia/Lord_Howe",
        "15 * * * *",
        {"minute": 15},
        "2026-10-03T14:00",
        ["2026-10-04T01:15+10:30", "2026-10-04T03:15+11:00", "2026-10-04T04:15+11:00"],
    ),
    (
        "Asia/Pyongyang",
        "0 * * * *",  # an hour and a half from one full hour to the next
        {"minute": 0},
        "2015-08-14T13:30",
        ["2015-08-14T23:00+09:00", "2015-08-15T00:00+08:30", "2015-08-15T01:00+08:30"],
    ),
    (
        "Asia/Pyongyang",
        "0 * * * *",  # and half an hour
        {"minute": 0},
        "2018-05-04T14:00",
        ["2018-05-04T23:00+08:30", "2018-05-05T00:00+09:00", "2018-05-05T01:00+09:00"],
    ),
    (
        "Pacific/Apia",
        "0 * * * *",
        {"minute": 0},
        "2011-12-30T08:30",
        ["2011-12-29T23:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T01:00+14:00"],
    ),
    (
        "Antarctica/Troll",
        "0 */2 * * *",  # 02:00 is in the gap of 01:00 to 03:00
        {"hour": "*/2"},
        "2026-03-28T23:30",
        ["2026-03-29T00:00+00:00", "2026-03-29T04:00+02:00", "2026-03-29T06:00+02:00"],
    ),
    (
        "Antarctica/Troll",
        "0 */2 * * *",
        {"hour": "*/2"},
        "2026-10-24T22:30",
        [
            "2026-10-25T02:00+02:00",
            "2026-10-25T02:00+00:00",
            "2026-10-25T04:00+00:00",
        ],
    ),
]


def following(trigger, start, number):
    """The next `number` occurrences after `start`."""
    found = []
    while len(found) < number:
        start = next_fire(trigger, start)
        found.append(start)
    return found


def moments(texts):
    return [datetime.fromisoformat(text).astimezone(UTC) for text in texts]


@pytest.mark.parametrize(("zone", "expression", "params", "start", "expected"), FIXED)
def test_a_fixed_time_has_exactly_these_occurrences(zone, expression, params, start, expected):
    for trigger in (cron(expression, zone), cron(f"0 {expression}", zone), fields(params, zone)):
        assert following(trigger, utc(start), len(expected)) == moments(expected)


@pytest.mark.parametrize(("zone", "expression", "params", "start", "expected"), REAL_TIME)
def test_what_follows_real_time_has_exactly_these_occurrences(
    zone, expression, params, start, expected
):
    for trigger in (cron(expression, zone), cron(f"0 {expression}", zone), fields(params, zone)):
        assert following(trigger, utc(start), len(expected)) == moments(expected)


@pytest.mark.parametrize(("zone", "expression", "params", "start", "expected"), FIXED + REAL_TIME)
def test_the_same_occurrences_are_found_from_every_minute_between_them(
    zone, expression, params, start, expected
):
    """As after a restart, which asks from any moment and knows no earlier occurrence."""
    trigger = cron(expression, zone)
    due = moments(expected)
    for before, after in pairwise(due):
        step = max((after - before) / 60, timedelta(minutes=1))
        asked = before
        while asked < after:
            assert next_fire(trigger, asked) == after
            asked += step


@pytest.mark.parametrize(
    ("run_date", "zone", "expected"),
    [
        ("2026-09-06", "America/Santiago", "2026-09-06T01:00-03:00"),
        ("2026-09-06T00:30", "America/Santiago", "2026-09-06T01:00-03:00"),
        ("2026-04-04T23:30", "America/Santiago", "2026-04-04T23:30-03:00"),
        ("2026-04-04T23:30-04:00", "America/Santiago", "2026-04-05T03:30+00:00"),
        ("2026-03-29", "Asia/Beirut", "2026-03-29T01:00+03:00"),
        ("2026-10-24T23:30", "Asia/Beirut", "2026-10-24T23:30+03:00"),
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-04T02:30+11:00"),
        ("2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-05T01:45+11:00"),
        ("2011-03-27T02:30", "Europe/Moscow", "2011-03-27T03:00+04:00"),
        ("2014-10-26T01:30", "Europe/Moscow", "2014-10-26T01:30+04:00"),
        ("2018-05-04T23:45", "Asia/Pyongyang", "2018-05-05T00:00+09:00"),
        ("2011-12-30T12:30", "Pacific/Apia", "2011-12-31T00:00+14:00"),
        ("2011-12-30", "Pacific/Apia", "2011-12-31T00:00+14:00"),
        ("2019-06-09T02:30", "Africa/Casablanca", "2019-06-09T03:00+01:00"),
        ("2026-03-29T02:59:59", "Antarctica/Troll", "2026-03-29T03:00+02:00"),
    ],
)
def test_a_date_is_due_at_exactly_this_moment(run_date, zone, expected):
    trigger = build_trigger("date", {"run_date": run_date}, zone)
    (moment,) = moments([expected])
    assert next_fire(trigger, utc("2000-01-01")) == moment
    assert next_fire(trigger, moment) is None


@pytest.mark.parametrize(
    ("params", "zone", "start", "expected"),
    [
        (  # a day is 24 hours, so the wall clock's time shifts
            {"days": 1, "start_date": "2026-09-05"},
            "America/Santiago",
            "2026-09-05",
            ["2026-09-05T00:00-04:00", "2026-09-06T01:00-03:00", "2026-09-07T01:00-03:00"],
        ),
        (  # a start that does not exist is the first moment after it, and is kept
            {"days": 1, "start_date": "2026-03-29T00:30"},
            "Asia/Beirut",
            "2026-03-28",
            ["2026-03-29T01:00+03:00", "2026-03-30T01:00+03:00", "2026-03-31T01:00+03:00"],
        ),
        (
            {"minutes": 30, "start_date": "2026-10-04T01:30"},
            "Australia/Lord_Howe",
            "2026-10-03T14:30",
            ["2026-10-04T01:30+10:30", "2026-10-04T02:30+11:00", "2026-10-04T03:00+11:00"],
        ),
        (
            {"hours": 1, "start_date": "2014-10-26T00:30"},
            "Europe/Moscow",
            "2014-10-25T20:00",
            ["2014-10-26T00:30+04:00", "2014-10-26T01:30+04:00", "2014-10-26T01:30+03:00"],
        ),
        (
            {"days": 1, "start_date": "2011-12-29T12:30"},
            "Pacific/Apia",
            "2011-12-29",
            ["2011-12-29T12:30-10:00", "2011-12-31T12:30+14:00", "2012-01-01T12:30+14:00"],
        ),
    ],
)
def test_an_interval_counts_real_time_over_every_change(params, zone, start, expected):
    trigger = build_trigger("interval", params, zone)
    assert following(trigger, utc(start), len(expected)) == moments(expected)


@pytest.mark.parametrize("zone", ["America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"])
def test_an_interval_keeps_its_anchor_in_every_zone_and_from_wherever_one_asks(zone):
    anchor = utc("2011-12-29T12:34:56")
    trigger = build_trigger("interval", {"minutes": 50}, zone, anchor=anchor)
    for asked in ("2011-12-30T09:59", "2011-12-30T10:01", "2026-09-06T04:00", "2026-10-03T15:30"):
        due = next_fire(trigger, utc(asked))
        assert timedelta() < due - utc(asked) <= timedelta(minutes=50)
        assert (due - anchor) % timedelta(minutes=50) == timedelta()
