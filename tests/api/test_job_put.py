from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_builtin, make_job

JOB = BASE + "jobs/cleanup_logs"


@pytest.mark.parametrize(
    ("body", "params"),
    [
        (
            {"trigger_type": "cron", "cron_expression": "*/5 * * * *"},
            {"cron_expression": "*/5 * * * *"},
        ),
        ({"trigger_type": "cron", "hour": 4, "minute": 30}, {"hour": "4", "minute": "30"}),
        (
            {"trigger_type": "cron", "cron_hour": "4", "cron_minute": "0"},
            {"hour": "4", "minute": "0"},
        ),
        ({"trigger_type": "cron", "cron_day_of_week": "mon-fri"}, {"day_of_week": "mon-fri"}),
        ({"trigger_type": "interval", "days": 1, "hours": 12}, {"days": 1, "hours": 12}),
        ({"trigger_type": "interval", "weeks": "2", "seconds": 5}, {"weeks": 2, "seconds": 5}),
        (
            {"trigger_type": "date", "run_date": "2090-01-01T00:00:00+00:00", "timezone": "UTC"},
            {"run_date": "2090-01-01T00:00:00+00:00"},
        ),
        ({"trigger_type": "cron", "trigger_params": {"hour": 5}}, {"hour": "5"}),
    ],
)
def test_the_trigger_of_a_built_in_job_is_changed(
    manager: APIClient, body: dict[str, Any], params: dict[str, Any]
) -> None:
    make_builtin()
    job = succeeded(manager.put(JOB, body))
    assert job["trigger_type"] == body["trigger_type"]
    assert job["trigger_params"] == params
    assert job["version"] == 2
    assert AuditEvent.objects.get().action == "job.change"


def test_the_next_run_follows_the_new_trigger_and_the_zone_stays(manager: APIClient) -> None:
    make_builtin(timezone="Asia/Shanghai")
    body = {"trigger_type": "cron", "cron_expression": "30 6 * * *"}
    job = succeeded(manager.put(JOB, body))
    assert job["timezone"] == "Asia/Shanghai"
    assert "T22:30:00Z" in job["next_run_time"]


def test_a_paused_job_stays_paused(manager: APIClient) -> None:
    make_builtin()
    manager.post(JOB + "/pause")
    job = succeeded(manager.put(JOB, {"trigger_type": "interval", "hours": 1}))
    assert (job["state"], job["next_run_time"]) == ("paused", None)


def test_other_jobs_are_refused_and_the_error_names_patch(manager: APIClient) -> None:
    make_job("report")
    body = {"trigger_type": "interval", "hours": 1}
    assert "PATCH" in refused(manager.put(BASE + "jobs/report", body), 403)["message"]
    assert Job.objects.get().trigger_type == "cron"


def test_a_body_without_a_trigger_type_is_refused(manager: APIClient) -> None:
    make_builtin()
    refused(manager.put(JOB, {"cron_expression": "0 4 * * *"}), 400, field="trigger_type")
    refused(manager.put(JOB, {}), 400, field="trigger_type")


@pytest.mark.parametrize("key", ["name", "enabled", "function", "minuets", "cron_hours"])
def test_other_keys_are_refused(manager: APIClient, key: str) -> None:
    make_builtin()
    body = {"trigger_type": "cron", "cron_expression": "0 4 * * *", key: "1"}
    refused(manager.put(JOB, body), 400, "validation_error", field=key)


def test_if_match_guards_against_a_lost_update(manager: APIClient) -> None:
    make_builtin()
    body = {"trigger_type": "interval", "hours": 1}
    refused(manager.put(JOB, body, headers={"If-Match": '"9"'}), 412, "version_conflict")


def test_somebody_who_may_only_run_changes_nothing(operator: APIClient) -> None:
    make_builtin()
    refused(operator.put(JOB, {"trigger_type": "interval", "hours": 1}), 403)
