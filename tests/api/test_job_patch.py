from __future__ import annotations

from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_builtin, make_job, make_user

JOB = BASE + "jobs/report"


def test_any_field_of_a_custom_job_is_changed(manager: APIClient) -> None:
    make_job("report")
    response = manager.patch(
        JOB, {"name": "New", "kwargs": {"days": 1}, "enabled": False, "max_instances": 3}
    )
    job = succeeded(response)
    assert (job["name"], job["kwargs"], job["enabled"]) == ("New", {"days": 1}, False)
    assert job["policies"]["own"]["max_instances"] == 3
    assert response.headers["ETag"] == '"2"'


def test_a_policy_is_given_back_to_its_default_by_null(manager: APIClient) -> None:
    make_job("report", max_instances=3)
    job = succeeded(manager.patch(JOB, {"max_instances": None}))
    assert job["policies"] == {
        "own": {**job["policies"]["own"], "max_instances": None},
        "effective": {**job["policies"]["effective"], "max_instances": 1},
    }


def test_a_body_that_changes_nothing_leaves_no_trace(manager: APIClient) -> None:
    job = make_job("report")
    events = AuditEvent.objects.count()
    assert succeeded(manager.patch(JOB, {}))["version"] == 1
    assert succeeded(manager.patch(JOB, {"name": job.name, "enabled": True}))["version"] == 1
    assert AuditEvent.objects.count() == events


def test_the_trigger_may_stand_flat_in_the_body(manager: APIClient) -> None:
    make_job("report")
    job = succeeded(manager.patch(JOB, {"cron_expression": "0 5 * * *"}))
    assert job["trigger_params"] == {"cron_expression": "0 5 * * *"}


def test_of_a_built_in_job_trigger_switch_and_policies_change(manager: APIClient) -> None:
    make_builtin()
    builtin = BASE + "jobs/cleanup_logs"
    job = succeeded(manager.patch(builtin, {"enabled": False, "timeout": 60, "hour": "5"}))
    assert (job["enabled"], job["trigger_params"]) == (False, {"hour": "5"})
    refused(manager.patch(builtin, {"name": "Mine"}), 403, "builtin_protected")
    refused(manager.patch(builtin, {"kwargs": {"days": 1}}), 403, "builtin_protected")
    assert Job.objects.get().name == "cleanup_logs"


def test_the_id_is_fixed(manager: APIClient) -> None:
    make_job("report")
    refused(manager.patch(JOB, {"id": "other"}), 400, field="id")
    succeeded(manager.patch(JOB, {"id": "report"}))


def test_a_past_date_that_stands_already_does_not_block_other_changes(manager: APIClient) -> None:
    make_job("report", trigger_type="date", trigger_params={"run_date": "2090-01-01T00:00:00Z"})
    Job.objects.update(trigger_params={"run_date": "2001-01-01T00:00:00+00:00"})
    succeeded(manager.patch(JOB, {"name": "New"}))


def test_a_job_that_is_not_there_is_404(manager: APIClient) -> None:
    refused(manager.patch(BASE + "jobs/missing", {"name": "x"}), 404, "job_not_found")


def test_a_right_on_one_job_is_enough_for_that_one(login: Login) -> None:
    user = make_user()
    grant(user, "manage_job", make_job("report"))
    grant(user, "run_job", make_job("runs"))
    make_job("other")
    client = login(user)
    succeeded(client.patch(JOB, {"name": "New"}))
    refused(client.patch(BASE + "jobs/runs", {"name": "New"}), 403, "permission_denied")
    refused(client.patch(BASE + "jobs/other", {"name": "New"}), 404, "job_not_found")
