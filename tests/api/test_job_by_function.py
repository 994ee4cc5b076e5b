from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import Job
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import ACTOR, make_job

BY_FUNCTION = BASE + "jobs/by-func"
REPORT = {"name": "Report", "function": "send_report", "trigger_type": "interval", "seconds": 5}


@pytest.mark.parametrize(
    ("trigger", "params"),
    [
        ({"trigger_type": "interval", "seconds": 5}, {"seconds": 5}),
        (
            {"trigger_type": "cron", "cron_expression": "0 3 * * *"},
            {"cron_expression": "0 3 * * *"},
        ),
        ({"trigger_type": "cron", "cron_hour": 3}, {"hour": "3"}),
        ({"trigger_type": "cron", "trigger_params": {"hour": 3}}, {"hour": "3"}),
    ],
)
def test_a_job_is_made_from_a_function(
    manager: APIClient, trigger: dict[str, Any], params: dict[str, Any]
) -> None:
    """Pain 31: the path is there."""
    body = {"name": "Report", "function": "send_report", "description": "Weekly", **trigger}
    job = succeeded(manager.post(BY_FUNCTION, body), 201)
    assert (job["id"], job["function"]) == ("send_report", "send_report")
    assert (job["description"], job["trigger_params"]) == ("Weekly", params)


def test_ids_are_counted_on(manager: APIClient) -> None:
    made = [succeeded(manager.post(BY_FUNCTION, REPORT), 201)["id"] for _ in range(3)]
    assert made == ["send_report", "send_report-2", "send_report-3"]
    manager.delete(BASE + "jobs/send_report-2")
    assert succeeded(manager.post(BY_FUNCTION, REPORT), 201)["id"] == "send_report-2"


def test_an_id_that_is_given_counts(manager: APIClient) -> None:
    assert succeeded(manager.post(BY_FUNCTION, {**REPORT, "id": "mine"}), 201)["id"] == "mine"
    refused(manager.post(BY_FUNCTION, {**REPORT, "id": "mine"}), 409, "job_exists", field="id")


def test_who_loses_the_race_for_an_id_takes_the_next(
    manager: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = control.create

    def slow_create(data: Mapping[str, Any], *, actor: Actor, **rest: Any) -> Job:
        if data["id"] == "send_report" and actor != ACTOR:
            make_job("send_report")  # somebody else, between the look and the write
        return create(data, actor=actor, **rest)

    monkeypatch.setattr(control, "create", slow_create)
    assert succeeded(manager.post(BY_FUNCTION, REPORT), 201)["id"] == "send_report-2"
    assert Job.objects.count() == 2


def test_ids_of_other_case_are_other_ids(manager: APIClient) -> None:
    make_job("SEND_REPORT")
    assert succeeded(manager.post(BY_FUNCTION, REPORT), 201)["id"] == "send_report"


def test_it_takes_the_right_to_manage_all_jobs(operator: APIClient) -> None:
    refused(operator.post(BY_FUNCTION, REPORT), 403, "permission_denied")
    assert not Job.objects.exists()


def test_an_unknown_function_is_named(manager: APIClient) -> None:
    body = refused(manager.post(BY_FUNCTION, {**REPORT, "function": "nope"}), 400, field="function")
    assert "send_report" in body["errors"]["function"][0]


@pytest.mark.parametrize("function", [None, 5, [], {}, "a\x00b", "x" * 500, ""])
def test_a_function_that_is_no_name_is_refused(manager: APIClient, function: Any) -> None:
    refused(manager.post(BY_FUNCTION, {**REPORT, "function": function}), 400, field="function")
