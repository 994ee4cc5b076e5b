from datetime import date
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import InvalidTrigger
from jobs.triggers import build_trigger, clean_params, describe, preview
from tests.triggers.moments import utc

NOW = utc("2026-11-23 10:02:03")
GOOD = {"hour": 3}


@pytest.mark.parametrize("kind", ["", "Cron", "every", None, 5, ["cron"], "cron" * 5000])
def test_an_unknown_kind_is_refused_and_the_known_ones_are_named(kind):
    with pytest.raises(InvalidTrigger, match="cron, interval, date") as caught:
        build_trigger(kind, GOOD, "UTC")
    assert list(caught.value.errors) == ["trigger_type"]


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("", "such as Europe/Berlin"),
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("../../etc/passwd", "“../../etc/passwd” is not a time zone"),
        ("/etc/localtime", "“/etc/localtime” is not a time zone"),
        ("Europe", "is not a time zone"),
        ("UTC\0", "is not a time zone"),
        ("x" * 10_000, "is not a time zone"),
        (None, "is not a time zone"),
        (1, "is not a time zone"),
        ({}, "is not a time zone"),
    ],
)
def test_an_unknown_zone_is_refused(zone, said):
    with pytest.raises(InvalidTrigger) as caught:
        build_trigger("cron", GOOD, zone)
    assert list(caught.value.errors) == ["timezone"]
    assert said in caught.value.errors["timezone"][0]


@pytest.mark.parametrize("params", [None, 5, "hour=3", [("hour", 3)], {1: 2}, {None: 3}, {(): 3}])
def test_parameters_that_are_no_names_with_values_are_refused(params):
    with pytest.raises(InvalidTrigger) as caught:
        build_trigger("cron", params, "UTC")
    assert all(field.startswith("trigger_params") for field in caught.value.errors)


@pytest.mark.parametrize(
    ("kind", "good"),
    [("cron", GOOD), ("interval", {"hours": 1}), ("date", {"run_date": "2027-01-01"})],
)
@pytest.mark.parametrize("key", ["when", "Hour", "", "cron_cron_hour", "timezone"])
def test_an_unknown_key_is_refused_and_the_known_ones_are_named(kind, good, key):
    with pytest.raises(InvalidTrigger) as caught:
        build_trigger(kind, good | {key: 1}, "UTC")
    (sentence,) = caught.value.errors[f"trigger_params.{key}"]
    assert f"“{key}”" in sentence
    assert next(iter(good)) in sentence


def test_every_problem_is_reported_at_once():
    with pytest.raises(InvalidTrigger) as caught:
        build_trigger("cron", {"minute": 61, "hour": None, "x": 1, "jitter": -1}, "Nowhere")
    assert set(caught.value.errors) == {
        "timezone",
        "trigger_params.minute",
        "trigger_params.hour",
        "trigger_params.x",
        "trigger_params.jitter",
    }


def test_a_long_value_is_shortened_in_the_sentence():
    with pytest.raises(InvalidTrigger) as caught:
        build_trigger("cron", {"x" * 10_000: "y" * 10_000, "hour": "z" * 10_000}, "UTC")
    assert len(caught.value.message) < 1000


def test_a_value_that_looks_valid_as_text_does_not_borrow_a_cached_answer():
    class Disguised:
        def __str__(self):
            return "3"

        __repr__ = __str__

    build_trigger("cron", {"hour": "3"}, "UTC")
    build_trigger("cron", {"hour": 1}, "UTC")
    for value in (Disguised(), True, b"3"):
        with pytest.raises(InvalidTrigger):
            build_trigger("cron", {"hour": value}, "UTC")


def test_what_a_caller_does_to_its_parameters_changes_no_trigger():
    params = {"hour": 3}
    cleaned = clean_params("cron", params, "UTC", now=NOW)
    cleaned["hour"] = "broken"
    params["hour"] = 4
    assert clean_params("cron", {"hour": 3}, "UTC", now=NOW) == {"hour": "3"}


def test_any_mapping_will_do():
    assert build_trigger("cron", MappingProxyType(GOOD), "UTC").after(NOW) is not None


def test_parameters_that_hold_themselves_are_refused():
    params = {}
    params["hour"] = params
    with pytest.raises(InvalidTrigger):
        build_trigger("cron", params, "UTC")


texts = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="0123456789*/,-?L#W @abcdefmonsutj", max_size=20),
    st.sampled_from(["*", "*/5", "3", "1-5", "last", "1st mon", "2026-12-01", "@daily", "9" * 300]),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(0, 70),
        st.floats(),
        texts,
        st.binary(max_size=5),
        st.dates(),
        st.datetimes(),
        st.datetimes(timezones=st.timezones()),
        st.sampled_from([10**30, 10**4000, date.max, date.min, NOW]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
crontabs = st.lists(st.text(alphabet="0123456789*/,-L#", min_size=1, max_size=4), max_size=8)
keys = st.sampled_from(
    [
        *("second", "minute", "hour", "day", "day_of_week", "month", "week", "year"),
        *("cron_minute", "start_date", "end_date", "jitter", "run_date"),
        *("weeks", "days", "hours", "minutes", "seconds"),
    ]
)
kinds = st.one_of(st.sampled_from(["cron", "interval", "date"]), values)
zones = st.one_of(st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]), values)
params = st.one_of(
    st.dictionaries(keys, values, max_size=3),
    st.dictionaries(st.one_of(keys, texts), values, max_size=3),
    crontabs.map(lambda parts: {"cron_expression": " ".join(parts)}),
    values,
)


@settings(deadline=None)
@given(kinds, params, zones, st.booleans())
def test_anything_is_either_built_or_refused(kind, params, zone, allow_past):
    assert describe(kind, params, zone)
    try:
        trigger = build_trigger(kind, params, zone, anchor=NOW)
    except InvalidTrigger:
        return
    due = preview(trigger, 5, now=NOW)
    assert all(earlier < later for earlier, later in zip([NOW, *due], due, strict=False))
    try:
        cleaned = clean_params(kind, params, zone, now=NOW, allow_past=allow_past)
    except InvalidTrigger:
        assert not due
        return
    assert due or allow_past
    assert clean_params(kind, cleaned, zone, now=NOW, allow_past=allow_past) == cleaned
    assert preview(build_trigger(kind, cleaned, zone, anchor=NOW), 5, now=NOW) == due
