from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob
from rest_framework.test import APIClient

from jobs.models import Job
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_execution, make_job, make_user

JOB = BASE + "jobs/report"


def test_a_job_is_shown_with_what_comes_and_what_was(viewer: APIClient) -> None:
    make_job("report", trigger_type="interval", trigger_params={"hours": 1})
    runs = [make_execution("report") for _ in range(25)]
    make_execution("other")
    job = succeeded(viewer.get(JOB))
    moments = [datetime.fromisoformat(text) for text in job["next_occurrences"]]
    assert len(moments) == 5
    assert job["next_occurrences"][0] == job["next_run_time"]
    assert {(b - a).total_seconds() for a, b in pairwise(moments)} == {3600}
    assert [run["id"] for run in job["last_executions"]] == [run.pk for run in runs[:-21:-1]]
    assert job["last_execution"]["id"] == runs[-1].pk


def test_the_etag_is_the_version(viewer: APIClient) -> None:
    make_job("report")
    Job.objects.filter(pk="report").update(version=7)
    assert viewer.get(JOB).headers["ETag"] == '"7"'


def test_a_job_that_stands_still_has_no_occurrence(viewer: APIClient) -> None:
    make_job("report", is_enabled=False)
    job = succeeded(viewer.get(JOB))
    assert (job["next_run_time"], job["next_occurrences"]) == (None, [])


def test_a_job_whose_trigger_is_nonsense_is_shown(viewer: APIClient) -> None:
    make_job("report")
    Job.objects.filter(pk="report").update(trigger_params={"hour": "often"})
    job = succeeded(viewer.get(JOB))
    assert job["next_occurrences"] == [job["next_run_time"]]
    assert "hour" in job["trigger_text"]


def test_a_broken_job_without_its_schedule_row_is_shown(viewer: APIClient) -> None:
    make_job("report")
    Job.objects.update(problem="Its task has gone.", function="gone", timezone="Mars/Olympus")
    DjangoJob.objects.all().delete()
    job = succeeded(viewer.get(JOB))
    assert (job["state"], job["problem"]) == ("broken", "Its task has gone.")


def test_the_cost_does_not_grow_with_history(viewer: APIClient) -> None:
    make_job("report")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            succeeded(viewer.get(JOB))
        return len(queries)

    make_execution("report")
    few = cost()
    for _ in range(40):
        make_execution("report")
    assert few == cost() <= 8


@pytest.mark.parametrize(
    "job_id", ["missing", "a%20b", "a%2Fb", "..", "x" * 101, "%00", "a%0A", "%ff", "näme"]
)
def test_an_id_that_is_not_there_is_404(viewer: APIClient, job_id: str) -> None:
    refused(viewer.get(f"{BASE}jobs/{job_id}"), 404)


def test_a_job_that_is_not_there_is_named(viewer: APIClient) -> None:
    assert "missing" in refused(viewer.get(BASE + "jobs/missing"), 404, "job_not_found")["message"]


def test_a_job_without_a_right_on_it_looks_like_one_that_is_not_there(login: Login) -> None:
    mine = make_job("mine")
    make_job("other")
    user = make_user()
    grant(user, "view_job", mine)
    client = login(user)
    succeeded(client.get(BASE + "jobs/mine"))
    other = refused(client.get(BASE + "jobs/other"), 404, "job_not_found")["message"]
    missing = refused(client.get(BASE + "jobs/missing"), 404, "job_not_found")["message"]
    assert other.replace("other", "missing") == missing
