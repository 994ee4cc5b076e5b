"""`GET jobs/<id>/explain`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.control import job as control
from jobs.executions.database import database_now
from jobs.models import Status
from tests.api.conftest import BASE
from tests.factories import ACTOR, grant, make_execution, make_job, make_leader, make_user

pytestmark = pytest.mark.django_db


def explained(client: APIClient, job_id: str = "nightly", **query: str) -> Any:
    return client.get(f"{BASE}jobs/{job_id}/explain", query)


def test_without_a_moment_it_tells_of_now(viewer: APIClient) -> None:
    make_job("nightly", timezone="Asia/Tokyo")
    make_leader()
    answer = explained(viewer)
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["asked_at"] is None
    assert data["code"] == data["statements"][0]["code"] == "due"
    assert data["timezone"] == "Asia/Tokyo"
    assert "JST" in data["sentence"]
    assert data["occurrence_after"].endswith("Z")


def test_of_a_moment_it_tells_the_verdict_and_where_to_look_further(viewer: APIClient) -> None:
    make_job("nightly")
    row = make_execution("nightly", status=Status.MISSED, reason="Found 700 s late.")
    answer = explained(viewer, at=row.scheduled_for.isoformat())
    first = answer.json()["data"]["statements"][0]
    assert (first["code"], first["execution_id"]) == ("missed", row.pk)
    assert "Found 700 s late." in first["sentence"]


@pytest.mark.parametrize(
    "at", ["soon", "", "2026-13-01", "\x1b[31m", "1" * 41, "2026-01-01T00:00+99:00"]
)
def test_what_is_no_moment_is_told_at_its_parameter(at: str, viewer: APIClient) -> None:
    make_job("nightly")
    answer = explained(viewer, at=at)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["at"]


def test_other_parameters_are_refused(viewer: APIClient) -> None:
    make_job("nightly")
    assert list(explained(viewer, when="now").json()["errors"]) == ["when"]


def test_a_deleted_job_is_explained_to_who_may_view_all(viewer: APIClient) -> None:
    make_job("gone")
    control.delete("gone", actor=ACTOR)
    data = explained(viewer, "gone").json()["data"]
    assert data["code"] == "deleted"
    assert "tester" in data["sentence"]


def test_who_has_rights_on_single_jobs_learns_nothing_of_the_others() -> None:
    mine, _other = make_job("mine"), make_job("other")
    make_job("gone")
    control.delete("gone", actor=ACTOR)
    user = make_user()
    grant(user, "view_job", mine)
    client = APIClient()
    client.force_authenticate(user)
    assert explained(client, "mine").status_code == 200
    answers = [explained(client, job_id) for job_id in ("other", "gone", "never")]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["code"] for answer in answers} == {"job_not_found"}


def test_what_never_was_is_not_found(viewer: APIClient) -> None:
    assert explained(viewer, "never").status_code == 404


def test_a_moment_that_lies_ahead_is_told_as_it_stands(viewer: APIClient) -> None:
    make_job("nightly", trigger_type="interval", trigger_params={"minutes": 1})
    control.disable("nightly", actor=ACTOR)
    ahead = (database_now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%MZ")
    data = explained(viewer, at=ahead).json()["data"]
    assert (data["code"], data["statements"][0]["who"]) == ("disabled", "tester")
