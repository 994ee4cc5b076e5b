from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from jobs.control import job as control
from jobs.models import Job, JobExecution, Status
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import ADD, job_url, messages_of, press
from tests.factories import (
    ACTOR,
    grant,
    make_builtin,
    make_execution,
    make_job,
    make_jobs,
    make_log_line,
)


def test_run_now_queues_an_execution_and_links_to_it(operator: Client) -> None:
    job = make_job("nightly")

    response = press(operator, job, "run")

    execution = JobExecution.objects.get()
    assert (execution.status, execution.requested_by) == (Status.QUEUED, "operator")
    assert response.url == job_url(job)
    assert f"/admin/jobs/jobexecution/{execution.pk}/change/" in messages_of(response)[0]


def test_what_control_refuses_is_said(operator: Client) -> None:
    job = make_job("nightly")
    make_execution(job.pk, status=Status.RUNNING)

    response = press(operator, job, "run")

    assert "is running already" in messages_of(response)[0]
    assert JobExecution.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [("pause", "is_paused", True), ("disable", "is_enabled", False)],
)
def test_a_button_changes_the_job(manager: Client, name: str, field: str, expected: bool) -> None:
    job = make_job()
    press(manager, job, name)
    assert getattr(Job.objects.get(pk=job.pk), field) is expected


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [("resume", "is_paused", False), ("enable", "is_enabled", True)],
)
def test_a_button_changes_it_back(manager: Client, name: str, field: str, expected: bool) -> None:
    job = make_job(is_enabled=False)
    control.pause(job.pk, actor=ACTOR)
    press(manager, job, name)
    assert getattr(Job.objects.get(pk=job.pk), field) is expected


@pytest.mark.parametrize("name", ["run", "pause", "resume", "enable", "disable"])
def test_reading_a_command_s_url_changes_nothing(manager: Client, name: str) -> None:
    job = make_job()
    assert manager.get(job_url(job, "command", name=name)).status_code == 405
    assert Job.objects.get(pk=job.pk).version == 1


def test_a_command_needs_the_form_s_token(db: None) -> None:
    job = make_job()
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff("manage_job"))
    assert press(client, job, "pause").status_code == 403


def test_an_unknown_command_or_job_is_not_found(manager: Client) -> None:
    job = make_job()
    assert press(manager, job, "explode").status_code == 404
    assert manager.post(job_url("nobody", "command", name="run")).status_code == 404


def test_who_may_only_run_is_offered_only_that(operator: Client) -> None:
    job = make_job()

    page = operator.get(job_url(job))

    assert [str(button.label) for button in page.context["buttons"]] == ["Run now"]
    assert press(operator, job, "pause").status_code == 403
    assert operator.post(job_url(job), {"name": "Mine"}).status_code == 403
    assert not Job.objects.get(pk=job.pk).is_paused


def test_who_may_only_view_is_offered_nothing(viewer: Client) -> None:
    job = make_job()

    page = viewer.get(job_url(job))

    assert page.status_code == 200
    assert page.context["buttons"] == []
    assert "Last changes" not in page.content.decode()
    assert press(viewer, job, "run").status_code == 403
    assert not JobExecution.objects.exists()


def test_a_right_on_one_job_opens_that_one_alone(db: None) -> None:
    mine, other = make_job("mine"), make_job("other")
    user = staff()
    grant(user, "run_job", mine)
    client = logged_in(user)

    assert client.get(job_url(mine)).status_code == 200
    assert press(client, mine, "run").status_code == 302
    assert press(client, mine, "pause").status_code == 403
    assert client.get(job_url(other)).status_code == 302  # as for a job that is not there
    assert press(client, other, "run").status_code == 404


def test_a_manager_of_one_job_changes_and_deletes_that_one(db: None) -> None:
    mine = make_job("mine")
    user = staff()
    grant(user, "manage_job", mine)
    client = logged_in(user)

    assert press(client, mine, "pause").status_code == 302
    assert client.get("/admin/jobs/job/add/").status_code == 403
    assert client.post(job_url(mine, "delete"), {"post": "yes"}).status_code == 302
    assert not Job.objects.exists()


def test_somebody_without_rights_sees_nothing(db: None) -> None:
    job = make_job()
    client = logged_in(staff())

    assert client.get(job_url(job)).status_code in {302, 403}
    assert client.get("/admin/jobs/job/").status_code == 403
    assert "jobs/job" not in client.get("/admin/").content.decode()


def test_deleting_a_job_keeps_its_history(manager: Client) -> None:
    job = make_job("nightly")
    execution = make_execution(job.pk)
    make_log_line(execution)

    asked = manager.get(job_url(job, "delete"))
    assert asked.status_code == 200
    manager.post(job_url(job, "delete"), {"post": "yes"})

    assert not Job.objects.exists()
    execution.refresh_from_db()
    assert execution.logs.count() == 1


def test_a_built_in_job_cannot_be_deleted(manager: Client) -> None:
    job = make_builtin()

    assert "deletelink" not in manager.get(job_url(job)).content.decode()
    assert manager.post(job_url(job, "delete"), {"post": "yes"}).status_code == 403
    assert Job.objects.exists()


def test_the_page_shows_what_will_run_what_ran_and_who_changed_it(manager: Client) -> None:
    job = make_job("nightly", timezone="Asia/Tokyo")
    executions = [make_execution("nightly") for _ in range(21)]

    page = manager.get(job_url(job))

    html = page.content.decode()
    assert len(page.context["schedule"].occurrences) == 5
    assert "Asia/Tokyo" in html
    assert "03:00:00 JST" in html
    assert len(page.context["executions"]) == 20
    assert page.context["executions"][0]["row"] == executions[-1]
    assert "job.create" in html
    assert "job__id__exact=nightly" in html


def test_a_paused_job_shows_what_comes_after_its_pause(manager: Client) -> None:
    job = make_job(trigger_type="interval", trigger_params={"minutes": 1})
    until = datetime.now(UTC) + timedelta(hours=3)
    control.pause(job.pk, actor=ACTOR, until=until)

    page = manager.get(job_url(job)).content.decode()

    assert "If it were not paused" in page
    assert "in 3 h" in page


def test_the_form_does_not_grow_with_the_number_of_jobs(
    manager: Client, django_assert_num_queries: Any
) -> None:
    """Pain 21: the form dies with many jobs."""
    job = make_job("nightly")
    sizes = []
    for many in (10, 1000):
        make_jobs(many)
        for _each in range(30):
            make_execution("nightly")
        manager.get(job_url(job))
        with django_assert_num_queries(7):
            manager.get(job_url(job))
        # PostgreSQL is asked for its time.
        with django_assert_num_queries(4 if connection.vendor == "postgresql" else 3):
            sizes.append(len(manager.get(ADD).content))
    assert abs(sizes[0] - sizes[1]) < 100


def test_the_pages_hold_no_inline_script_or_style(manager: Client) -> None:
    job = make_job()
    for url in ("/admin/jobs/job/", "/admin/jobs/job/add/", job_url(job)):
        page = manager.get(url).content.decode()
        assert "<style" not in page
        assert "style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page
        assert "jobs/admin.css" in page
