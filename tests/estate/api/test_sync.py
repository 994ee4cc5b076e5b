from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.estate.models import DatabaseInstance
from jobs.models import AuditEvent, JobExecution, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import JsonClient
from tests.estate.api.conftest import BASE, Holder
from tests.factories import make_builtin, make_execution

pytestmark = pytest.mark.django_db

SYNC = BASE + "sync"
JOBS = {
    "capacity": "collect_database_sizes",
    "accounts": "sync_accounts",
    "partitions": "monitor_partition_health",
}


@pytest.fixture(autouse=True)
def _jobs(db: None) -> None:
    for job_id in JOBS.values():
        make_builtin(job_id, function=job_id, kwargs={"concurrency": 2})
    DatabaseInstance.objects.create(name="main", engine="postgresql")


@pytest.fixture
def operator(holder: Holder) -> APIClient:
    return holder("run_job", "view_databaseinstance")


@pytest.fixture
def boss(holder: Holder) -> APIClient:
    return holder("manage_job", "view_databaseinstance")


@pytest.mark.parametrize("what", list(JOBS))
def test_a_sync_is_queued_as_a_run_of_its_job(operator: APIClient, what: str) -> None:
    response = operator.post(SYNC, {"what": what})
    data = succeeded(response, 202)
    execution = JobExecution.objects.get()
    assert (execution.job_id, execution.kwargs) == (JOBS[what], {"concurrency": 2})
    assert data["execution_id"] == execution.pk
    assert data["url"] == response.headers["Location"]
    assert succeeded(operator.get(data["url"]))["status"] == "queued"
    assert AuditEvent.objects.get().action == "job.run"


def test_a_sync_that_is_asked_for_twice_under_one_key_is_one(boss: APIClient) -> None:
    body, key = {"what": "capacity", "instances": ["main"]}, {"Idempotency-Key": "nightly-7"}
    first = succeeded(boss.post(SYNC, body, headers=key), 202)
    assert succeeded(boss.post(SYNC, body, headers=key), 202) == first
    refused(boss.post(SYNC, {"what": "capacity"}, headers=key), 409, "idempotency_key_reused")
    assert JobExecution.objects.count() == 1


def test_instances_can_be_chosen(boss: APIClient) -> None:
    succeeded(boss.post(SYNC, {"what": "capacity", "instances": ["main"]}), 202)
    assert JobExecution.objects.get().kwargs == {"concurrency": 2, "instances": ["main"]}


def test_to_choose_takes_the_right_to_give_arguments(operator: APIClient) -> None:
    refused(operator.post(SYNC, {"what": "capacity", "instances": ["main"]}), 403, "forbidden")
    assert not JobExecution.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "what"),
        ({"what": "weather"}, "what"),
        ({"what": ["capacity"]}, "what"),
        ({"what": "capacity", "instances": []}, "instances"),
        ({"what": "capacity", "instances": "main"}, "instances"),
        ({"what": "capacity", "instances": ["nobody's"]}, "instances"),
        ({"what": "capacity", "instances": [None]}, "instances.0"),
        ({"what": "capacity", "engines": ["oracle"]}, "engine"),
        ({"what": "capacity", "force": True}, "force"),
        ({"what": "capacity", "job": "x"}, "job"),
    ],
)
def test_bad_bodies_queue_nothing(boss: APIClient, body: dict[str, Any], field: str) -> None:
    refused(boss.post(SYNC, body), 400, field=field)
    assert not JobExecution.objects.exists()


def test_one_that_is_going_is_a_conflict(operator: APIClient) -> None:
    make_execution("sync_accounts", status=Status.RUNNING)
    refused(operator.post(SYNC, {"what": "accounts"}), 409, "job_busy")


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ((), 403),
        (("view_databaseinstance",), 404),
        (("manage_databaseinstance",), 404),
        (("manage_job",), 403),
        (("view_job", "view_databaseinstance"), 403),
        (("run_job", "manage_databaseinstance"), 202),
    ],
)
def test_it_takes_the_right_to_run_the_job_and_to_see_the_instances(
    holder: Holder, rights: tuple[str, ...], status: int
) -> None:
    answer = holder(*rights).post(SYNC, {"what": "capacity"})
    assert answer.status_code == status
    assert JobExecution.objects.count() == (status == 202)


def test_nobody_may(db: None) -> None:
    refused(JsonClient().post(SYNC, {"what": "capacity"}), 401)
    refused(JsonClient().get(SYNC), 401)
