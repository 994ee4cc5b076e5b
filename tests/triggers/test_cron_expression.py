from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import InvalidTrigger
from jobs.triggers import clean_params, next_fire, preview
from tests.triggers.moments import cron, utc

NOW = utc("2026-11-23 10:02:03")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", "2026-11-23 10:03"),
        ("0 3 * * *", "2026-11-24 03:00"),
        ("*/5 * * * * *", "2026-11-23 10:02:05"),
        ("30 0 3 * * *", "2026-11-24 03:00:30"),
        ("0 0 3 1 1 * 2030", "2030-01-01 03:00"),
        ("0 0 3 1 1 ? 2028-2099/4", "2028-01-01 03:00"),
        ("0 0 3 1 1 * 2031,2029", "2029-01-01 03:00"),
        ("@yearly", "2027-01-01"),
        ("@annually", "2027-01-01"),
        ("@monthly", "2026-12-01"),
        ("@weekly", "2026-11-29"),
        ("@daily", "2026-11-24"),
        ("@Midnight", "2026-11-24"),
        ("@hourly", "2026-11-23 11:00"),
        ("0 0 ? * MON", "2026-11-30"),
        ("0 0 1 * ?", "2026-12-01"),
        ("0 0 * * fri-sun", "2026-11-27"),
        ("0 0 L * *", "2026-11-30"),
        ("0 0 LW * *", "2026-11-30"),
        ("0 0 * * 5#2", "2026-12-11"),
        ("0 0 * * 5L", "2026-11-27"),
        ("0 0 29 2 *", "2028-02-29"),
        ("  0\t3 * *   * ", "2026-11-24 03:00"),
    ],
)
def test_next_occurrence_of(expression, expected):
    assert next_fire(cron(expression), NOW) == utc(expected)


@pytest.mark.parametrize("sunday", ["0", "7", "SUN", "sun", "7-7"])
def test_sunday_is_0_or_7_or_its_name(sunday):
    """Pain 20."""
    assert next_fire(cron(f"0 0 * * {sunday}"), NOW) == utc("2026-11-29")


def test_day_of_month_and_weekday_are_ored_when_both_are_restricted():
    due = preview(cron("0 0 13 * 5"), 4, now=utc("2026-11-01"))
    assert [f"{day:%m-%d}" for day in due] == ["11-06", "11-13", "11-20", "11-27"]
    assert utc("2026-12-13") in preview(cron("0 0 13 * 5"), 10, now=utc("2026-11-01"))


def test_a_day_field_that_starts_with_a_star_only_narrows_the_other():
    due = preview(cron("0 0 */2 * 1"), 20, now=utc("2026-11-01"))
    assert all(day.weekday() == 0 and day.day % 2 == 1 for day in due)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * * *", "has 8 fields"),
        ("61 * * * *", "The minute “61”"),
        ("* 24 * * *", "The hour “24”"),
        ("* * 0 * *", "The day of month “0”"),
        ("* * * 13 *", "The month “13”"),
        ("* * * * 8", "The weekday “8”"),
        ("60 * * * * *", "The second “60”"),
        ("? * * * *", "The minute “?”"),
        ("0 22-2 * * *", "from low to high"),
        ("*/90 * * * *", "step"),
        ("*/0 * * * *", "The minute “*/0”"),
        ("0 0 3 1 1 * 1969", "The year “1969”"),
        ("0 0 3 1 1 * 2100", "The year “2100”"),
        ("0 0 3 1 1 * 2030-2029", "The year"),
        ("0 0 3 1 1 * */0", "The year"),
        ("0 0 3 1 1 * x", "The year “X”"),
        ("@reboot", "by the clock"),
        ("@dayly", "@daily"),
        ("٣ * * * *", "plain letters"),
        ("a b c d e", "The weekday “E”"),
        pytest.param("* * * * *" * 100, "longer than", id="long"),
    ],
)
def test_refuses(expression, said):
    with pytest.raises(InvalidTrigger) as caught:
        cron(expression)
    assert list(caught.value.errors) == ["trigger_params.cron_expression"]
    assert said in " ".join(caught.value.errors["trigger_params.cron_expression"])


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(InvalidTrigger) as caught:
        cron("61 24 * * 9")
    assert len(caught.value.errors["trigger_params.cron_expression"]) == 3


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 2 *", "0 0 3 1 1 * 2020"])
def test_one_that_is_never_due_is_refused_when_set_and_finished_when_stored(expression):
    assert next_fire(cron(expression), NOW) is None
    with pytest.raises(InvalidTrigger, match="would never be due") as caught:
        clean_params("cron", {"cron_expression": expression}, "UTC", now=NOW)
    assert list(caught.value.errors) == ["trigger_params.cron_expression"]


def test_a_file_may_hold_one_whose_years_have_passed():
    params = {"cron_expression": "0 0 3 1 1 * 2020"}
    assert clean_params("cron", params, "UTC", now=NOW, allow_past=True) == params
    with pytest.raises(InvalidTrigger, match="would never be due"):
        clean_params("cron", {"cron_expression": "0 0 31 2 *"}, "UTC", now=NOW, allow_past=True)


def _field(low, high):
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high - low)
    term = st.one_of(
        number.map(str),
        span,
        st.builds(lambda n: f"*/{n}", step),
        st.builds(lambda pair, n: f"{pair}/{n}", span, step),
    )
    return st.one_of(st.just("*"), st.lists(term, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(
    _field(0, 59), _field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 7)
).map(" ".join)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(deadline=None)
@given(expressions, moments)
def test_in_utc_it_agrees_with_cronsim(expression, now):
    try:
        expected = list(islice(CronSim(expression, now), 3))
    except CronSimError:
        expected = []  # cronsim refuses a day that no month has
    horizon = now + timedelta(days=365 * 20)
    expected = [due for due in expected if due < horizon]
    assert preview(cron(expression), 3, now=now)[: len(expected)] == expected
    if not expected:
        due = next_fire(cron(expression), now)
        assert due is None or due >= horizon
