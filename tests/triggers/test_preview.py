from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import InvalidTrigger
from jobs.triggers import build_trigger, next_fire, occurrences, preview
from tests.triggers.moments import cron, utc

NOW = utc("2026-11-23 10:02:03")
MINUTE = timedelta(minutes=1)


def test_it_shows_the_next_occurrences_in_utc():
    assert preview(cron("0 3 * * *", "Europe/Berlin"), 2, now=NOW) == [
        utc("2026-11-24 02:00"),
        utc("2026-11-25 02:00"),
    ]
    assert all(due.tzinfo is UTC for due in preview(cron("* * * * *"), 5, now=NOW))


@pytest.mark.parametrize(("asked", "shown"), [(-1, 0), (0, 0), (5, 5), (101, 100), (10**9, 100)])
def test_it_never_shows_more_than_a_hundred(asked, shown):
    assert len(preview(cron("* * * * *"), asked, now=NOW)) == shown


def test_it_ends_with_the_year_2099():
    due = preview(cron("0 0 29 2 *"), 100, now=NOW)
    assert (due[0].year, due[-1].year, len(due)) == (2028, 2096, 18)


def test_it_ends_at_once_where_nothing_is_due():
    assert preview(build_trigger("cron", {"week": 1, "day": 15}, "UTC"), 100, now=NOW) == []


@pytest.mark.parametrize("now", ["0001-01-01", "9999-12-31 23:59:59.999999"])
def test_the_ends_of_time_are_no_problem(now):
    for zone in ("America/New_York", "Asia/Tokyo"):
        due = preview(cron("0 3 * * *", zone), 3, now=utc(now))
        assert [at.year for at in due] == ([1970] * 3 if now < "1970" else [])


def test_due_occurrences_are_listed_up_to_and_including_the_end():
    first = utc("2026-11-23 10:00")
    due = occurrences(cron("* * * * *"), first, first + 3 * MINUTE, 100)
    assert due == [first + n * MINUTE for n in range(4)]
    assert occurrences(cron("* * * * *"), first, first + 3 * MINUTE, 2) == due[:2]
    assert occurrences(cron("* * * * *"), first, first - MINUTE, 2) == []
    assert occurrences(cron("* * * * *"), first, first, 0) == []


def test_apscheduler_s_question_is_answered_in_the_job_s_zone():
    trigger = cron("0 3 * * *", "Europe/Berlin")
    on_time = utc("2026-11-24 02:00")
    assert trigger.get_next_fire_time(None, on_time) == on_time
    assert trigger.get_next_fire_time(on_time, on_time) == on_time + timedelta(days=1)
    assert trigger.get_next_fire_time(None, on_time).utcoffset() == timedelta(hours=1)
    assert trigger.get_next_fire_time(utc("2099-12-31 12:00"), on_time) is None


def test_a_date_that_has_passed_is_late_to_apscheduler_and_not_gone():
    trigger = build_trigger("date", {"run_date": "2026-01-01"}, "UTC")
    assert trigger.get_next_fire_time(None, NOW) == utc("2026-01-01")
    assert trigger.get_next_fire_time(utc("2026-01-01"), NOW) is None


def test_a_log_line_names_kind_and_parameters():
    assert str(cron("0 3 * * *")) == 'cron[{"cron_expression": "0 3 * * *"}]'


def _jittered(jitter, seed="a", **params):
    return build_trigger("interval", {**params, "jitter": jitter}, "UTC", anchor=NOW, seed=seed)


def test_jitter_delays_each_occurrence_and_keeps_the_planned_schedule():
    due = preview(_jittered(600, hours=1), 50, now=NOW)
    delays = [at - (NOW + n * timedelta(hours=1)) for n, at in enumerate(due, start=1)]
    assert all(timedelta() <= delay <= timedelta(seconds=600) for delay in delays)
    assert len(set(delays)) > 20


def test_jitter_of_jobs_with_equal_parameters_differs_by_seed():
    assert preview(_jittered(600, "a", hours=1), 5, now=NOW) != preview(
        _jittered(600, "b", hours=1), 5, now=NOW
    )


def test_jitter_never_passes_the_end_date():
    end = utc("2026-11-23 11:02:04")
    trigger = _jittered(600, hours=1, end_date="2026-11-23 11:02:04")
    (due,) = preview(trigger, 5, now=NOW)
    assert due <= end


def test_jitter_leaves_a_job_without_room_for_it_alone():
    assert preview(_jittered(60, seconds=1), 3, now=NOW) == [
        NOW + timedelta(seconds=n) for n in (1, 2, 3)
    ]


def test_a_huge_jitter_is_refused():
    with pytest.raises(InvalidTrigger, match="more than a week"):
        _jittered(604_801, hours=1)


@settings(deadline=None)
@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 */5 * * *", "* 0 3 * * *", "30 2 * * *"]),
    st.integers(1, 100_000),
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_with_jitter_the_next_occurrence_is_the_same_from_whenever_one_asks(
    expression, jitter, now
):
    trigger = cron(expression, "Europe/Berlin", jitter=jitter)
    plain = cron(expression, "Europe/Berlin")
    start = utc("2026-03-25 00:00:01")
    planned, moment = [], start - timedelta(days=2)
    while moment < utc("2026-03-31 00:00") and len(planned) < 20_000:
        moment = next_fire(plain, moment)
        planned.append(moment)
    due = next_fire(trigger, now)
    earlier = next_fire(trigger, due - timedelta(microseconds=1))
    assert now < due == earlier
    before = [at for at in planned if at <= due][-1:]
    if before:
        assert due - before[0] <= timedelta(seconds=jitter)
