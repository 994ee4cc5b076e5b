from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import InvalidTrigger
from jobs.triggers import clean_params, next_fire, preview
from tests.triggers.moments import fields, utc

NOW = utc("2026-11-23 10:02:03")  # a Monday


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"hour": 3}, "2026-11-24 03:00"),
        ({"minute": "*/15"}, "2026-11-23 10:15"),
        ({"second": "*/5"}, "2026-11-23 10:02:05"),
        ({"cron_hour": "4", "cron_minute": 30.0}, "2026-11-24 04:30"),
        ({"day_of_week": 0}, "2026-11-30"),
        ({"day_of_week": "sun"}, "2026-11-29"),
        ({"day_of_week": "Mon-FRI", "hour": 9}, "2026-11-24 09:00"),
        ({"day": "last"}, "2026-11-30"),
        ({"day": "2nd fri"}, "2026-12-11"),
        ({"day": "last fri", "hour": 1}, "2026-11-27 01:00"),
        ({"day": "?", "day_of_week": "?", "hour": 5}, "2026-11-24 05:00"),
        ({"week": 5}, "2027-02-01"),
        ({"year": "2030"}, "2030-01-01"),
        ({"month": "jan,mar-apr", "day": 2}, "2027-01-02"),
        ({"hour": 3, "start_date": "2027-05-05 03:00"}, "2027-05-05 03:00"),
        ({"hour": 3, "start_date": "2027-05-05 03:00:01"}, "2027-05-06 03:00"),
        ({"hour": 3, "end_date": "2026-11-24 03:00"}, "2026-11-24 03:00"),
        ({"hour": 3, "end_date": "2026-11-24 02:59"}, None),
        ({"day": 31, "month": 2, "year": 2099}, None),
        ({"day": 15, "week": 1}, None),
        ({"year": 2099, "month": 12, "day": 31, "hour": 23}, "2099-12-31 23:00"),
    ],
)
def test_next_occurrence_of(params, expected):
    assert next_fire(fields(params), NOW) == (expected and utc(expected))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minute", 61),
        ("minute", -1),
        ("minute", "60"),
        ("hour", "24"),
        ("second", "0-60"),
        ("second", "*/60"),
        ("minute", "5-1"),
        ("day", 0),
        ("day", "32"),
        ("day", "6th mon"),
        ("day", "last xyz"),
        ("day", "lastfoo"),
        ("month", 13),
        ("month", "janfoo"),
        ("month", "dec-feb"),
        ("week", 54),
        ("year", 1969),
        ("year", "2090-2100"),
        ("day_of_week", 7),
        ("day_of_week", "monday"),
        ("day_of_week", "mon 5"),
        ("day_of_week", ""),
        ("hour", None),
        ("hour", True),
        ("hour", 3.5),
        ("hour", float("nan")),
        ("hour", [3]),
        ("hour", {"a": 1}),
        ("hour", 10**30),
        pytest.param("hour", 10**5000, id="hour-huge"),
        ("hour", "1e9"),
        ("hour", "٣"),
        pytest.param("hour", "3" * 10_000, id="hour-long"),
        ("hour", ","),
    ],
)
def test_refuses_and_names_the_field_and_the_value(name, value):
    for key in (name, f"cron_{name}"):
        with pytest.raises(InvalidTrigger) as caught:
            fields({key: value})
        assert list(caught.value.errors) == [f"trigger_params.{name}"]
        if isinstance(value, str) and value.isascii() and 0 < len(value) < 50:
            assert value in caught.value.errors[f"trigger_params.{name}"][0]


def test_one_field_in_both_forms_is_refused():
    with pytest.raises(InvalidTrigger, match="Given twice") as caught:
        fields({"minute": 1, "cron_minute": 1})
    assert list(caught.value.errors) == ["trigger_params.minute"]


def test_an_expression_beside_fields_is_refused():
    with pytest.raises(InvalidTrigger, match="not both") as caught:
        fields({"cron_expression": "0 3 * * *", "hour": 3})
    assert list(caught.value.errors) == ["trigger_params.cron_expression"]


@pytest.mark.parametrize("params", [{}, {"jitter": 5}])
def test_neither_an_expression_nor_a_field_is_refused(params):
    with pytest.raises(InvalidTrigger, match="Say when"):
        fields(params)


def test_the_canonical_form_bears_bare_names_and_texts():
    params = {"cron_hour": 3, "minute": " 5 ", "jitter": "7", "start_date": "2027-01-01"}
    assert clean_params("cron", params, "Europe/Berlin", now=NOW) == {
        "hour": "3",
        "minute": "5",
        "jitter": 7,
        "start_date": "2027-01-01T00:00:00+01:00",
    }


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"day": 31, "month": 2}, "trigger_params"),
        ({"hour": 3, "end_date": "2026-11-23 12:00"}, "trigger_params.end_date"),
        ({"hour": 3, "start_date": "2150-01-01"}, "trigger_params"),
    ],
)
def test_one_that_is_never_due_is_refused_when_set(params, field):
    with pytest.raises(InvalidTrigger, match="would never be due") as caught:
        clean_params("cron", params, "UTC", now=NOW)
    assert list(caught.value.errors) == [field]


def test_an_end_before_the_start_is_refused():
    with pytest.raises(InvalidTrigger, match="lies before") as caught:
        fields({"hour": 3, "start_date": "2027-01-02", "end_date": "2027-01-01"})
    assert list(caught.value.errors) == ["trigger_params.end_date"]


def _values(low, high):
    number = st.integers(low, high)
    return st.one_of(
        number,
        st.just("*"),
        st.integers(1, high - low).map(lambda n: f"*/{n}"),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.lists(number, min_size=1, max_size=3).map(lambda many: ",".join(map(str, many))),
    )


DAYS = st.one_of(_values(1, 31), st.sampled_from(["last", "1st mon", "5th fri", "last sun,3"]))
some_fields = st.fixed_dictionaries(
    {},
    optional={
        "second": _values(0, 59),
        "minute": _values(0, 59),
        "hour": _values(0, 23),
        "day": DAYS,
        "day_of_week": st.one_of(_values(0, 6), st.just("mon-wed,sat")),
        "month": st.one_of(_values(1, 12), st.just("jan,jun-aug")),
        "week": _values(1, 53),
        "year": _values(2020, 2060),
    },
).filter(bool)


@settings(deadline=None)
@given(
    some_fields,
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_in_utc_it_agrees_with_apscheduler(params, now):
    # The reference would count on to the year 9999 where nothing matches.
    end = now + timedelta(days=365 * 12)
    reference = CronTrigger(timezone="UTC", end_date=end, **params)
    expected = []
    due = reference.get_next_fire_time(None, now + timedelta(microseconds=1))
    while due is not None and len(expected) < 3:
        expected.append(due)
        due = reference.get_next_fire_time(due, due)
    found = preview(fields(params), 3, now=now)
    assert [due for due in found if due <= end] == expected
