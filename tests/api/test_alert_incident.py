"""Alert incidents over the API; who may what stands in the table of rights."""

from __future__ import annotations

from rest_framework.test import APIClient

from tests.api.answers import succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_incident, make_job, make_user

INCIDENTS = BASE + "alerts/incidents"


def test_incidents_are_those_of_the_jobs_that_one_may_see(login: Login, manager: APIClient) -> None:
    grant(user := make_user(), "view_job", make_job("mine"))
    make_incident("mine")
    closed = make_incident("other")
    make_incident("counted", opened_at=None)
    assert [one["job_id"] for one in succeeded(login(user).get(INCIDENTS))] == ["mine"]
    assert [one["job_id"] for one in succeeded(manager.get(INCIDENTS))] == ["other", "mine"]
    closed.closed_at = closed.last_at
    closed.save()
    (one,) = succeeded(manager.get(f"{INCIDENTS}?is_over=true"))
    assert (one["job_id"], one["count"], one["rule"]) == ("other", 2, "nightly")
    (one,) = succeeded(manager.get(f"{INCIDENTS}?is_over=false&job=mine&kind=failed"))
    assert one["closed_at"] is None
