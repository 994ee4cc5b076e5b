import pytest
from django.utils import translation

from jobs.triggers import describe

EXPRESSIONS = {
    "* * * * *": "Every minute",
    "* * * * * *": "Every second",
    "*/5 * * * * *": "Every 5 seconds",
    "30 * * * * *": "Every minute at second 30",
    "*/15 * * * *": "Every 15 minutes",
    "0 * * * *": "Every hour",
    "5 * * * *": "Every hour at minute 5",
    "0-4 * * * *": "Every hour at minute 0 to 4",
    "*/7 * * * *": "Every hour at minute 0, 7 … 56",
    "0 */2 * * *": "Every 2 hours",
    "30 */2 * * *": "Every 2 hours at minute 30",
    "*/5 */2 * * *": "Every 5 minutes, in the hours 0, 2 … 22",
    "*/15 9-17 * * 1-5": "Every 15 minutes, from 09:00 to 17:45, Monday to Friday",
    "*/5 0 */2 * * *": "Every 5 seconds at minute 0, in the hours 0, 2 … 22",
    "* 9 * * *": "Every minute, from 09:00 to 09:59",
    "0 9-17 * * *": "Every hour, from 09:00 to 17:00",
    "*/10 */5 * * * *": "Every 10 seconds at minute 0, 5 … 55",
    "5,15,45 * * * * *": "Every minute at second 5, 15 and 45",
    "5,17,33,41 9,11 * * *": "At minute 5, 17, 33 and 41, in the hours 9 and 11",
    "0 3 * * *": "Every day at 03:00",
    "15 0 3 * * *": "Every day at 03:00:15",
    "0 3,15 * * *": "Every day at 03:00 and 15:00",
    "@daily": "Every day at 00:00",
    "@weekly": "Every Sunday at 00:00",
    "0 0 * * 7": "Every Sunday at 00:00",
    "0 0 * * 1,3": "Every Monday and Wednesday at 00:00",
    "0 0 * * FRI-SUN": "Friday to Sunday at 00:00",
    "0 0 1,15 * *": "On days 1 and 15 of the month at 00:00",
    "0 0 13 * 5": "On day 13 of the month or every Friday at 00:00",
    "0 0 */2 * 1": "On days 1, 3 … 31 of the month, but only every Monday at 00:00",
    "0 0 * * 5#2": "On the second Friday of the month at 00:00",
    "0 0 * * 5L": "On the last Friday of the month at 00:00",
    "0 0 L * *": "On the last day of the month at 00:00",
    "0 0 LW * *": "On the last day of the month from Monday to Friday at 00:00",
    "@yearly": "On day 1 of the month at 00:00, in January",
    "0 0 3 1 6-8 * 2030": "On day 1 of the month at 03:00, in June, July and August, in 2030",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_reads(expression):
    words = describe("cron", {"cron_expression": expression}, "Europe/Berlin")
    assert words == EXPRESSIONS[expression]


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("cron", {"hour": 3}, "Every day at 03:00"),
        ("cron", {"day_of_week": 0}, "Every Monday at 00:00"),
        ("cron", {"day_of_week": "mon-fri", "hour": 9}, "Monday to Friday at 09:00"),
        ("cron", {"day": "last"}, "On the last day of the month at 00:00"),
        ("cron", {"week": 5}, "Every day at 00:00, in ISO week 5"),
        ("interval", {"minutes": 15}, "Every 15 minutes"),
        ("interval", {"hours": 1}, "Every hour"),
        ("interval", {"hours": 1, "minutes": 30}, "Every 1 hour 30 minutes"),
        (
            "interval",
            {"weeks": 2, "jitter": 30, "start_date": "2026-12-01T03:00Z", "end_date": "2027-01-01"},
            "Every 2 weeks, from 2026-12-01 04:00, until 2027-01-01 00:00, delayed by up to 30 s",
        ),
        ("date", {"run_date": "2026-12-01 03:00"}, "Once on 2026-12-01 03:00"),
        ("date", {"run_date": "2026-12-01T03:00:05Z"}, "Once on 2026-12-01 04:00:05"),
    ],
)
def test_other_triggers_read(kind, params, words):
    assert describe(kind, params, "Europe/Berlin") == words


@pytest.mark.parametrize(
    ("kind", "params", "zone"),
    [("cron", {"minute": 61}, "UTC"), ("x", None, None), ("date", {}, "UTC"), (5, 5, 5)],
)
def test_what_is_not_valid_gets_a_sentence(kind, params, zone):
    assert describe(kind, params, zone).startswith("Not a valid trigger. ")


def test_weekdays_are_named_in_the_reader_s_language():
    with translation.override("de"):
        assert "Montag" in describe("cron", {"day_of_week": "mon"}, "UTC")
