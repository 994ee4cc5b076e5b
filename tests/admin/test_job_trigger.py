"""When a job is due: the fields of its trigger, and what is stored of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client, override_settings
from django_apscheduler.models import DjangoJob

from jobs.models import AuditEvent, Job
from tests.admin.pages import ADD, controls, errors_of, job_url, new_job, typed
from tests.factories import make_job

CRON = {"trigger_type": "cron"}
INTERVAL = {"trigger_type": "interval"}
DATE = {"trigger_type": "date"}

STORED: list[dict[str, Any]] = [
    {"trigger_params": {"cron_expression": "0 3 * * *"}},
    {"trigger_params": {"cron_expression": "0 0 1 * 1"}},
    {"trigger_params": {"cron_expression": "15 0 0 L * ? 2030-2040/2"}},
    {"trigger_params": {"cron_expression": "@daily"}, "timezone": "Asia/Shanghai"},
    {"trigger_params": {"hour": "2"}},
    {"trigger_params": {"day_of_week": "0-4", "hour": "8"}},
    {"trigger_params": {"day": "2nd fri, last mon", "minute": "*/5", "second": "7"}},
    {"trigger_params": {"week": "1-10/3", "year": "2030"}},
    {"trigger_params": {"minute": "0", "jitter": 120, "end_date": "2050-01-01T00:00:00"}},
    {
        "trigger_params": {"cron_expression": "0 3 * * *", "start_date": "2040-02-03T04:05:06"},
        "timezone": "America/New_York",
    },
    {**INTERVAL, "trigger_params": {"minutes": 90}},
    {**INTERVAL, "trigger_params": {"weeks": 1, "days": 2, "hours": 3, "minutes": 4, "seconds": 5}},
    {**INTERVAL, "trigger_params": {"days": 1, "start_date": "2040-01-01T00:00:00.123456"}},
    {**DATE, "trigger_params": {"run_date": "2050-01-01T03:00:00"}},
    {
        # The second of two equal times, which a wall time alone does not tell.
        **DATE,
        "trigger_params": {"run_date": "2050-10-30T02:30:00+01:00"},
        "timezone": "Europe/Berlin",
    },
]


@pytest.mark.parametrize("fields", STORED, ids=str)
def test_saving_without_a_change_keeps_the_very_trigger(
    manager: Client, fields: dict[str, Any]
) -> None:
    """Pain 30: an edit form that rewrites the trigger when nothing was changed."""
    job = make_job(**fields)
    before = Job.objects.filter(pk=job.pk).values().get()
    schedule = DjangoJob.objects.filter(pk=job.pk).values().get()

    assert manager.post(job_url(job), typed(manager, job_url(job))).status_code == 302

    assert Job.objects.filter(pk=job.pk).values().get() == before
    assert DjangoJob.objects.filter(pk=job.pk).values().get() == schedule
    assert AuditEvent.objects.filter(job_id=job.pk).count() == 1


def added(manager: Client, **fields: str) -> Job:
    sent = new_job(**fields)
    del sent["trigger_params"]
    response = manager.post(ADD, sent)
    assert response.status_code == 302, errors_of(response)
    return Job.objects.get()


@pytest.mark.parametrize(
    ("fields", "params"),
    [
        (
            {"cron_style": "expression", "cron_expression": " 30 7 * * 1-5 "},
            {"cron_expression": "30 7 * * 1-5"},
        ),
        (
            {"cron_style": "fields", "cron_hour": "7", "cron_day_of_week": "mon-fri"},
            {"hour": "7", "day_of_week": "mon-fri"},
        ),
        (
            {"trigger_type": "interval", "interval_hours": "2", "interval_minutes": "0"},
            {"hours": 2},
        ),
        (
            {"trigger_type": "date", "run_date": "2050-01-01T03:00", "timezone": "Asia/Shanghai"},
            {"run_date": "2050-01-01T03:00:00+08:00"},
        ),
        (
            {
                "cron_expression": "0 3 * * *",
                "start_date": "2040-01-01T00:00",
                "end_date": "2041-01-01T00:00",
                "jitter": "30",
                "timezone": "Asia/Shanghai",
            },
            {
                "cron_expression": "0 3 * * *",
                "start_date": "2040-01-01T00:00:00+08:00",
                "end_date": "2041-01-01T00:00:00+08:00",
                "jitter": 30,
            },
        ),
    ],
)
def test_typed_fields_become_the_trigger(
    manager: Client, fields: dict[str, str], params: dict[str, Any]
) -> None:
    assert added(manager, **fields).trigger_params == params


def test_another_zone_moves_a_date_with_its_wall_clock(manager: Client) -> None:
    job = make_job(
        **DATE, trigger_params={"run_date": "2050-01-01T03:00:00"}, timezone="Asia/Shanghai"
    )

    manager.post(job_url(job), {**typed(manager, job_url(job)), "timezone": "Europe/Berlin"})

    job.refresh_from_db()
    assert job.trigger_params == {"run_date": "2050-01-01T03:00:00+01:00"}


def test_a_browser_that_leaves_out_the_seconds_changes_nothing(manager: Client) -> None:
    job = make_job(**DATE, trigger_params={"run_date": "2050-01-01T03:00:00"})
    sent = typed(manager, job_url(job))
    assert sent["run_date"] == "2050-01-01T03:00:00"

    manager.post(job_url(job), {**sent, "run_date": "2050-01-01T03:00"})

    job.refresh_from_db()
    assert job.version == 1


def test_a_date_that_has_passed_may_stay(manager: Client) -> None:
    job = make_job(**DATE, trigger_params={"run_date": "2050-01-01T03:00:00"})
    past = {"run_date": "2001-01-01T03:00:00+00:00"}
    Job.objects.filter(pk=job.pk).update(trigger_params=past)

    sent = {**typed(manager, job_url(job)), "name": "Renamed"}
    assert manager.post(job_url(job), sent).status_code == 302
    sent = {**typed(manager, job_url(job)), "run_date": "2001-01-01T04:00"}
    assert "has passed" in errors_of(manager.post(job_url(job), sent))["run_date"][0]


@pytest.mark.parametrize(
    ("fields", "field", "part"),
    [
        ({"cron_expression": "61 * * * *"}, "cron_expression", "61"),
        ({"cron_expression": ""}, "cron_expression", "Say when"),
        ({"cron_expression": "0 0 31 2 *"}, "cron_expression", "never be due"),
        ({"cron_expression": "0 3 * * * 一"}, "cron_expression", "plain letters"),
        ({"cron_style": "fields", "cron_hour": "25"}, "cron_hour", "25"),
        ({"cron_style": "fields", "cron_day_of_week": "7"}, "cron_day_of_week", "mon"),
        ({"cron_style": "fields", "cron_week": "99"}, "cron_week", "99"),
        ({"cron_style": "fields"}, "cron_second", "Say when"),
        (
            {"cron_style": "x", "cron_expression": "* * * * *"},
            "cron_style",
            "Select a valid choice",
        ),
        ({"cron_expression": "* * * * *", "jitter": "x"}, "jitter", "whole number"),
        ({"cron_expression": "* * * * *", "start_date": "soon"}, "start_date", "not a date"),
        (
            {
                "cron_expression": "* * * * *",
                "start_date": "2041-01-01T00:00",
                "end_date": "2040-01-01T00:00",
            },
            "end_date",
            "before the start",
        ),
        ({"trigger_type": "interval"}, "interval_weeks", "Say how often"),
        ({"trigger_type": "interval", "interval_hours": "x"}, "interval_hours", "whole number"),
        ({"trigger_type": "interval", "interval_days": "-1"}, "interval_days", "whole number"),
        ({"trigger_type": "interval", "interval_days": "99999999"}, "interval_days", "100 years"),
        ({"trigger_type": "date"}, "run_date", "Say when"),
        ({"trigger_type": "date", "run_date": "2001-01-01T00:00"}, "run_date", "has passed"),
        ({"trigger_type": "date", "run_date": "tomorrow"}, "run_date", "not a date"),
        ({"trigger_type": "lunar"}, "trigger_type", "lunar"),
        ({"cron_expression": "* * * * *", "timezone": "Asia/Shanghi"}, "timezone", "Asia/Shanghai"),
        ({"cron_expression": "\x00"}, "cron_expression", "Null"),
    ],
)
def test_what_is_wrong_stands_at_its_field_with_what_was_typed(
    manager: Client, fields: dict[str, str], field: str, part: str
) -> None:
    sent = new_job(**fields)
    del sent["trigger_params"]

    response = manager.post(ADD, sent)

    assert part in errors_of(response)[field][0]
    if field not in ("trigger_type", "cron_style"):
        assert controls(response)[field] == fields.get(field, "")
    assert not Job.objects.exists()


def test_what_was_filled_in_beside_what_counts_is_not_dropped_unseen(manager: Client) -> None:
    """Without scripts: the radio button of the trigger was forgotten."""
    sent = {**typed(manager, ADD), **new_job(), "interval_hours": "2"}
    del sent["trigger_params"]

    response = manager.post(ADD, sent)

    assert "the interval" in errors_of(response)["trigger_type"][0]
    again = controls(response)
    assert again["interval_hours"] == "2"
    assert manager.post(ADD, {**again, "trigger_type": "interval"}).status_code == 302
    assert Job.objects.get().trigger_params == {"hours": 2}


def test_both_forms_of_a_cron_trigger_at_once_are_not_guessed_at(manager: Client) -> None:
    job = make_job(trigger_params={"hour": "2"})
    sent = {**typed(manager, job_url(job)), "cron_expression": "0 5 * * *"}

    response = manager.post(job_url(job), sent)

    assert "the cron expression" in errors_of(response)["trigger_type"][0]
    sent["cron_style"] = "expression"
    assert manager.post(job_url(job), sent).status_code == 302
    job.refresh_from_db()
    assert job.trigger_params == {"cron_expression": "0 5 * * *"}


UNSHOWABLE: list[Any] = [
    [],
    {},
    {"lunar": 3},
    {"hour": ["1"]},
    {"hour": True},
    {"hour": ""},
    {"hour": "1", "cron_expression": "0 3 * * *"},
    {"hour": "1", "start_date": "sometime"},
    {"hour": "1", "start_date": "9999-12-31T23:59:59-12:00"},
    3,
    "x",
]


@pytest.mark.parametrize("params", UNSHOWABLE, ids=json.dumps)
def test_a_trigger_that_the_fields_cannot_show_is_shown_as_it_is(
    manager: Client, params: Any
) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(trigger_params=params, timezone="Asia/Shanghai")
    shown = typed(manager, job_url(job))

    assert json.loads(shown["trigger_params"]) == params
    assert "cron_expression" not in shown
    assert manager.post(job_url(job), {**shown, "name": "Renamed"}).status_code == 302
    job.refresh_from_db()
    assert (job.name, job.trigger_params) == ("Renamed", params)


def test_a_broken_trigger_can_be_set_anew_with_fields(manager: Client) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(trigger_params=[])
    shown = typed(manager, job_url(job))

    response = manager.post(job_url(job), {**shown, "_trigger": "fields"})

    assert errors_of(response) == {}
    again = controls(response)
    assert "trigger_params" not in again
    sent = {**again, "cron_style": "expression", "cron_expression": "0 5 * * *"}
    assert manager.post(job_url(job), sent).status_code == 302
    job.refresh_from_db()
    assert job.trigger_params == {"cron_expression": "0 5 * * *"}


def test_a_zone_that_is_not_known_here_is_kept_and_said(manager: Client) -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(timezone="Mars/Olympus")

    page = manager.get(job_url(job))

    assert "Mars/Olympus (not known here)" in page.content.decode()
    assert controls(page)["timezone"] == "Mars/Olympus"
    sent = {**controls(page), "name": "Renamed"}
    assert manager.post(job_url(job), sent).status_code == 302


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_the_server_s_own_zone_is_shown_as_inherited(manager: Client) -> None:
    page = manager.get(ADD).content.decode()

    assert '<option value="" selected>inherited: Asia/Tokyo, the server’s</option>' in page
    assert "Asia/Shanghai (UTC+08:00)" in page
