from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job, Revision
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient
from tests.control.test_races import at_once
from tests.factories import make_job, make_user

JOBS = BASE + "jobs"
REPORT = {
    "id": "report",
    "name": "Report",
    "function": "send_report",
    "trigger_type": "cron",
    "trigger_params": {"cron_expression": "0 3 * * *"},
}


def test_a_manager_creates_a_job(manager: APIClient) -> None:
    response = manager.post(JOBS, {**REPORT, "kwargs": {"days": 3}, "enabled": False, "timeout": 9})
    job = succeeded(response, 201)
    assert job["id"] == "report"
    assert job["enabled"] is False
    assert job["state"] == "disabled"
    assert job["policies"]["own"]["timeout"] == 9
    assert response.headers["Location"] == "/scheduler/api/jobs/report"
    assert response.headers["ETag"] == '"1"'
    assert Job.objects.get().kwargs == {"days": 3}


def test_creating_is_recorded_and_wakes_the_scheduler(manager: APIClient) -> None:
    """Pain 29: who changed what, through what and from where."""
    manager.post(JOBS, REPORT, REMOTE_ADDR="192.0.2.7")
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.via) == ("job.create", "manager", "api")
    assert event.address == "192.0.2.7"
    assert Revision.objects.get().number == 1


def test_the_trigger_may_stand_flat_in_the_body(manager: APIClient) -> None:
    flat = {key: REPORT[key] for key in ("id", "name", "function", "trigger_type")}
    job = succeeded(manager.post(JOBS, {**flat, "cron_hour": 4, "minute": "30"}), 201)
    assert job["trigger_params"] == {"hour": "4", "minute": "30"}


def test_a_taken_id_is_a_conflict(manager: APIClient) -> None:
    make_job("report", name="First")
    refused(manager.post(JOBS, REPORT), 409, "job_exists", field="id")
    assert Job.objects.get().name == "First"


@pytest.mark.django_db(transaction=True)
def test_of_two_that_create_one_id_at_one_moment_one_is_a_conflict() -> None:
    user = make_user("manage_job")
    clients = [JsonClient(), JsonClient()]
    for client in clients:
        client.force_login(user)
    answers = at_once(*[lambda client=client: client.post(JOBS, REPORT) for client in clients])
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert Job.objects.get().pk == "report"


def test_every_missing_field_is_named_at_once(manager: APIClient) -> None:
    errors = refused(manager.post(JOBS, {}), 400, "validation_error")["errors"]
    assert {"id", "name", "function", "trigger_type"} <= errors.keys()


def test_the_models_word_for_enabled_is_unknown_here(manager: APIClient) -> None:
    body = refused(manager.post(JOBS, {**REPORT, "is_enabled": True}), 400, field="is_enabled")
    assert "enabled" in body["errors"]["is_enabled"][0]


def test_a_wrong_switch_is_named_as_it_was_sent(manager: APIClient) -> None:
    refused(manager.post(JOBS, {**REPORT, "enabled": "yes"}), 400, field="enabled")


def test_parameters_both_nested_and_flat_are_refused(manager: APIClient) -> None:
    refused(manager.post(JOBS, {**REPORT, "hour": 3}), 400, field="trigger_params")


def test_somebody_who_may_only_view_or_run_creates_nothing(
    viewer: APIClient, operator: APIClient
) -> None:
    for client in (viewer, operator):
        refused(client.post(JOBS, REPORT), 403, "permission_denied")
    assert not Job.objects.exists()


@pytest.mark.parametrize("job_id", ["reload", "export", "by-func", ".", ".."])
def test_reserved_words_are_no_ids(manager: APIClient, job_id: str) -> None:
    refused(manager.post(JOBS, {**REPORT, "id": job_id}), 400, field="id")
