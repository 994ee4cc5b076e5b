from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job, Revision
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_job, make_user

PREVIEW = BASE + "triggers/preview"
NEW_YEAR = "2031-01-01T00:00:00Z"


def preview(client: APIClient, **body: Any) -> Any:
    return succeeded(client.post(PREVIEW, body))


def times(client: APIClient, **body: Any) -> list[str]:
    return [row["at"] for row in preview(client, **body)["occurrences"]]


def test_a_trigger_is_told_in_words_and_by_its_next_occurrences(viewer: APIClient) -> None:
    shown = preview(
        viewer,
        trigger_type="cron",
        cron_expression="0 3 * * *",
        timezone="Europe/Berlin",
        after=NEW_YEAR,
        count=2,
    )
    assert shown == {
        "trigger_type": "cron",
        "trigger_params": {"cron_expression": "0 3 * * *"},
        "timezone": "Europe/Berlin",
        "trigger_text": "Every day at 03:00",
        "occurrences": [
            {
                "at": "2031-01-01T02:00:00Z",
                "local": "2031-01-01T03:00:00+01:00",
                "clock_change": None,
            },
            {
                "at": "2031-01-02T02:00:00Z",
                "local": "2031-01-02T03:00:00+01:00",
                "clock_change": None,
            },
        ],
    }
    assert not AuditEvent.objects.exists()
    assert not Revision.objects.exists()


def test_what_a_change_of_the_clock_moves_is_marked(viewer: APIClient) -> None:
    rows = preview(
        viewer,
        trigger_type="cron",
        trigger_params={"hour": 2, "minute": 30},
        timezone="Europe/Berlin",
        after="2030-03-30T00:00:00Z",
        count=3,
    )["occurrences"]
    assert [row["local"] for row in rows] == [
        "2030-03-30T02:30:00+01:00",
        "2030-03-31T03:00:00+02:00",
        "2030-04-01T02:30:00+02:00",
    ]
    assert [row["clock_change"] is not None for row in rows] == [False, True, False]
    assert "02:30" in rows[1]["clock_change"]


def test_without_more_the_next_five_from_now_are_told(viewer: APIClient) -> None:
    before = datetime.now(UTC)
    found = times(viewer, trigger_type="interval", seconds=10)
    assert len(found) == 5
    assert before < datetime.fromisoformat(found[0])
    assert len(times(viewer, trigger_type="interval", seconds=10, count=100)) == 100


def test_the_last_occurrences_are_all_that_are_left(viewer: APIClient) -> None:
    once = {"trigger_type": "date", "run_date": "2090-01-01T00:00:00Z"}
    assert times(viewer, **once) == ["2090-01-01T00:00:00Z"]
    assert times(viewer, **once, after="2090-01-01T00:00:00Z") == []
    for after in ("9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"):
        assert times(viewer, trigger_type="interval", hours=1, after=after) == []


def test_a_moment_without_offset_is_in_the_zone_of_the_trigger(viewer: APIClient) -> None:
    found = times(
        viewer,
        trigger_type="cron",
        cron_expression="0 * * * *",
        timezone="Asia/Kolkata",
        after="2031-01-01T00:00:00",
        count=1,
    )
    assert found == ["2030-12-31T19:30:00Z"]


def test_an_interval_of_a_job_goes_on_from_where_it_counts(viewer: APIClient) -> None:
    job = make_job("tick", trigger_type="interval", trigger_params={"hours": 1})
    Job.objects.filter(pk=job.pk).update(anchor=datetime(2030, 1, 1, 0, 7, tzinfo=UTC))
    asked = {"trigger_type": "interval", "after": NEW_YEAR, "count": 1}
    assert times(viewer, **asked, job="tick", hours=1) == ["2031-01-01T00:07:00Z"]
    anew = times(viewer, **asked, job="tick", hours=2)
    assert anew != times(viewer, **asked, job="tick", hours=1)


def test_a_job_that_one_may_not_see_is_not_there(login: Login) -> None:
    mine, _other = make_job("mine"), make_job("other")
    user = make_user()
    grant(user, "view_job", mine)
    client = login(user)
    asked = {"trigger_type": "interval", "hours": 1}
    assert len(times(client, **asked, job="mine")) == 5
    refused(client.post(PREVIEW, {**asked, "job": "other"}), 404, "job_not_found")
    refused(client.post(PREVIEW, {**asked, "job": "a\x00b"}), 400, field="job")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["trigger_type"]),
        ({"trigger_type": "weekly", "timezone": "Mars"}, ["trigger_type", "timezone"]),
        ({"trigger_type": "cron", "cron_expression": "61 * * * *"}, ["cron_expression"]),
        ({"trigger_type": "cron", "cron_minute": "61", "hour": "x"}, ["cron_minute", "hour"]),
        (
            {"trigger_type": "cron", "trigger_params": {"minute": "61"}},
            ["trigger_params.minute"],
        ),
        ({"trigger_type": "cron", "minute": 1, "trigger_params": {}}, ["trigger_params"]),
        ({"trigger_type": "date", "run_date": "2001-01-01"}, ["run_date"]),
        ({"trigger_type": "interval", "hours": 1, "timezone": 5}, ["timezone"]),
        ({"trigger_type": "interval", "hours": 1, "count": 0}, ["count"]),
        ({"trigger_type": "interval", "hours": 1, "count": 101}, ["count"]),
        ({"trigger_type": "interval", "hours": 1, "after": "0000-01-01"}, ["after"]),
        (
            {
                "trigger_type": "interval",
                "hours": 1,
                "after": "9999-12-31T23:59-12:00",
                "count": [],
            },
            ["after", "count"],
        ),
        ({"trigger_type": "interval", "hours": 1, "name": "x"}, ["name"]),
    ],
)
def test_what_is_wrong_is_named_as_it_was_sent(
    viewer: APIClient, body: dict[str, Any], fields: list[str]
) -> None:
    errors = refused(viewer.post(PREVIEW, body), 400, "validation_error")["errors"]
    assert sorted(errors) == sorted(fields)


def test_it_is_what_a_job_that_is_saved_so_will_do(manager: APIClient) -> None:
    trigger = {"trigger_type": "cron", "cron_expression": "30 2-4 1 1 *", "jitter": 30}
    make_job("a")
    saved = succeeded(manager.patch(BASE + "jobs/a", trigger))
    assert times(manager, **trigger, job="a") == saved["next_occurrences"]


def test_its_cost_is_fixed_and_small(login: Login) -> None:
    """Whoever logs in costs two statements; the rights two, or three for rights on single jobs;
    and the clock of PostgreSQL one."""
    clock = 1 if connection.vendor == "postgresql" else 0
    holder = make_user()
    grant(holder, "view_job", make_job())
    for user, most in [(make_user("view_job"), 3), (holder, 4)]:
        client = login(user)
        with CaptureQueriesContext(connection) as queries:
            preview(client, trigger_type="interval", hours=1, count=100)
        assert len(queries) == most + clock
