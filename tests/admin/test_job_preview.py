"""The schedule beside the form: what is stored, or what is typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from jobs.models import AuditEvent, Job
from tests.admin.pages import ADD, controls, errors_of, job_url, new_job, typed
from tests.factories import make_job


def shown(response: Any) -> list[str]:
    return [str(one.local) for one in response.context["schedule"].occurrences]


def test_a_new_job_s_first_schedule_is_shown_already(manager: Client) -> None:
    schedule = manager.get(ADD).context["schedule"]

    assert (schedule.words, len(schedule.occurrences)) == ("Every day at 03:00", 5)


def test_the_button_shows_what_is_typed_and_saves_nothing(manager: Client) -> None:
    job = make_job()
    changes = {
        "cron_expression": "30 7 * * 1-5",
        "timezone": "Asia/Shanghai",
        "name": "",
        "arg-days": "x",
        "_preview": "1",
    }

    response = manager.post(job_url(job), {**typed(manager, job_url(job)), **changes})

    assert errors_of(response) == {}, "only the trigger is asked about"
    schedule = response.context["schedule"]
    assert (schedule.words, schedule.zone) == ("Monday to Friday at 07:30", "Asia/Shanghai")
    assert all("07:30:00 CST" in text for text in shown(response))
    assert all("23:30:00 UTC" in str(one.server) for one in schedule.occurrences)
    again = controls(response)
    assert (again["cron_expression"], again["arg-days"], again["name"]) == ("30 7 * * 1-5", "x", "")
    job.refresh_from_db()
    assert (job.version, AuditEvent.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron_expression": "61 * * * *"}, "cron_expression"),
        ({"trigger_type": "interval", "interval_hours": "x"}, "interval_hours"),
        ({"cron_expression": "* * * * *", "timezone": "Nowhere"}, "timezone"),
    ],
)
def test_the_button_says_what_is_wrong_at_its_field(
    manager: Client, fields: dict[str, str], field: str
) -> None:
    sent = new_job(**fields, _preview="1")
    del sent["trigger_params"]

    response = manager.post(ADD, sent)

    assert set(errors_of(response)) == {field}
    assert response.context["schedule"] is None
    assert not Job.objects.exists()


def test_an_interval_counts_from_its_anchor_until_it_is_changed(manager: Client) -> None:
    job = make_job(trigger_type="interval", trigger_params={"hours": 1})
    anchor = datetime.now(UTC) - timedelta(minutes=50)
    Job.objects.filter(pk=job.pk).update(anchor=anchor)
    sent = {**typed(manager, job_url(job)), "_preview": "1"}

    assert f"{anchor + timedelta(hours=1):%H:%M:%S}" in shown(manager.get(job_url(job)))[0]
    assert f"{anchor + timedelta(hours=1):%H:%M:%S}" in shown(manager.post(job_url(job), sent))[0]
    changed = manager.post(job_url(job), {**sent, "interval_hours": "2"})
    first = changed.context["schedule"].occurrences[0]
    assert first.until == "in 2 h"


def test_clock_changes_are_marked(manager: Client) -> None:
    sent = new_job(
        trigger_type="date", run_date="2050-10-30T02:30", timezone="Europe/Berlin", _preview="1"
    )
    del sent["trigger_params"]

    page = manager.post(ADD, sent).content.decode()

    assert "02:30 comes twice on this day: the first is meant." in page


def test_who_may_only_view_sees_the_schedule_too(viewer: Client) -> None:
    page = viewer.get(job_url(make_job(timezone="Asia/Shanghai")))

    assert len(shown(page)) == 5
    assert "_preview" not in page.content.decode()


def test_a_session_is_told_whose_it_is(manager: Client) -> None:
    answer = manager.get("/admin/jobs/job/session/")

    assert answer.json()["user"] == "manager"
    assert len(answer.json()["csrf_token"]) == 64
    assert "no-store" in answer["Cache-Control"]
    assert Client().get("/admin/jobs/job/session/").status_code == 302
