"""enable, disable, pause and resume."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_builtin, make_job

JOB = BASE + "jobs/report"


def test_switching_shows_at_once_and_repeating_it_is_no_error(manager: APIClient) -> None:
    make_job("report")
    for action, state in [
        ("disable", "disabled"),
        ("disable", "disabled"),
        ("enable", "scheduled"),
        ("enable", "scheduled"),
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "scheduled"),
        ("resume", "scheduled"),
    ]:
        job = succeeded(manager.post(f"{JOB}/{action}"))
        assert job["state"] == state
        assert (job["next_run_time"] is None) == (state != "scheduled")
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["job.create", "job.disable", "job.enable", "job.pause", "job.resume"]


def test_built_in_jobs_are_switched_too(manager: APIClient) -> None:
    make_builtin()
    assert succeeded(manager.post(BASE + "jobs/cleanup_logs/disable"))["state"] == "disabled"


def test_a_pause_may_end_by_itself(manager: APIClient) -> None:
    make_job("report", trigger_type="interval", trigger_params={"seconds": 5})
    until = datetime.now(UTC) + timedelta(hours=2)
    job = succeeded(manager.post(JOB + "/pause", {"until": until.isoformat()}))
    assert datetime.fromisoformat(job["paused_until"]) == until
    assert datetime.fromisoformat(job["next_run_time"]) > until


def test_an_end_without_an_offset_is_in_the_jobs_zone(manager: APIClient) -> None:
    make_job("report", timezone="Asia/Shanghai")
    job = succeeded(manager.post(JOB + "/pause", {"until": "2090-01-01T08:00:00"}))
    assert job["paused_until"] == "2090-01-01T00:00:00Z"


def test_a_pause_without_an_end_is_asked_for_by_null_too(manager: APIClient) -> None:
    make_job("report")
    assert succeeded(manager.post(JOB + "/pause", {"until": None}))["paused_until"] is None


@pytest.mark.parametrize(
    "until",
    [
        "2001-01-01T00:00:00Z",
        "soon",
        "",
        5,
        True,
        [],
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59",
        "2100-01-01T00:00:00Z",
        "99999-01-01",
    ],
)
def test_an_end_that_makes_no_sense_is_refused(manager: APIClient, until: Any) -> None:
    make_job("report")
    refused(manager.post(JOB + "/pause", {"until": until}), 400, "validation_error", field="until")
    assert Job.objects.get().is_paused is False


@pytest.mark.parametrize("action", ["enable", "disable", "pause", "resume"])
def test_every_action_refuses_unknown_keys_missing_jobs_and_missing_rights(
    manager: APIClient, operator: APIClient, action: str
) -> None:
    """Pain 32: a job that is not there is a 404 in the API's form, whatever is done to it."""
    make_job("report")
    refused(manager.post(f"{JOB}/{action}", {"now": True}), 400, field="now")
    refused(manager.post(f"{BASE}jobs/missing/{action}"), 404, "job_not_found")
    refused(operator.post(f"{JOB}/{action}"), 403, "permission_denied")
    refused(manager.get(f"{JOB}/{action}"), 405, "method_not_allowed")


def test_an_action_that_does_not_exist_is_404(manager: APIClient) -> None:
    make_job("report")
    refused(manager.post(JOB + "/explode"), 404, "path_not_found")
