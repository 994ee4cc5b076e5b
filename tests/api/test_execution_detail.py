from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from jobs.models import Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_execution, make_job, make_user


def test_an_execution_is_shown_whole(viewer: APIClient) -> None:
    execution = make_execution(
        "gone",
        status=Status.FAILED,
        result={"rows": 3},
        error="Boom",
        traceback="Traceback …",
        progress_done=1,
        progress_total=2,
        progress_message="half",
    )
    shown = succeeded(viewer.get(f"{BASE}executions/{execution.pk}"))
    assert shown["status"] == "failed"
    assert shown["result"] == {"rows": 3}
    assert (shown["error"], shown["traceback"]) == ("Boom", "Traceback …")
    assert shown["progress"] == {"done": 1.0, "total": 2.0, "message": "half"}
    assert shown["started_at"].endswith("Z")


def test_a_number_that_json_does_not_know_is_null(viewer: APIClient) -> None:
    execution = make_execution("a", progress_done=float("inf"), progress_total=1)
    shown = succeeded(viewer.get(f"{BASE}executions/{execution.pk}"))
    assert shown["progress"]["done"] is None


@pytest.mark.parametrize("number", ["0", "1", "9" * 18, "9" * 19, "9" * 400, "-1", "x", "1.5", "٣"])
def test_one_that_is_not_there_is_404(viewer: APIClient, number: str) -> None:
    refused(viewer.get(f"{BASE}executions/{number}"), 404)


def test_one_of_a_job_that_one_may_not_see_is_404_everywhere(login: Login) -> None:
    user = make_user()
    grant(user, "manage_job", make_job("mine"))
    make_job("other")
    client = login(user)
    for job_id in ("other", "gone", None):
        path = f"{BASE}executions/{make_execution(job_id).pk}"
        refused(client.get(path), 404, "execution_not_found")
        refused(client.get(path + "/logs"), 404, "execution_not_found")
        refused(client.post(path + "/cancel"), 404, "execution_not_found")
        refused(client.post(path + "/retry"), 404, "execution_not_found")
    succeeded(client.get(f"{BASE}executions/{make_execution('mine').pk}"))
