from __future__ import annotations

from rest_framework.test import APIClient

from jobs.models import JobExecution, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_execution, make_job


def path(execution: JobExecution) -> str:
    return f"{BASE}executions/{execution.pk}/retry"


def test_a_run_that_failed_is_queued_again(operator: APIClient) -> None:
    make_job("report", kwargs={"days": 3})
    failed = make_execution("report", status=Status.FAILED, kwargs={"days": 3})
    data = succeeded(operator.post(path(failed)), 202)
    shown = succeeded(operator.get(data["url"]))
    assert (shown["status"], shown["retry_of"]) == ("queued", failed.pk)
    assert (shown["kwargs"], shown["requested_by"]) == ({"days": 3}, "operator")


def test_one_that_goes_on_is_a_conflict(operator: APIClient) -> None:
    make_job("report")
    refused(operator.post(path(make_execution("report", status=Status.RUNNING))), 409)


def test_retrying_a_managers_run_with_other_arguments_takes_the_right_to_manage(
    operator: APIClient, manager: APIClient
) -> None:
    make_job("report", kwargs={"days": 3})
    other = make_execution("report", kwargs={"days": 99})
    refused(operator.post(path(other)), 403, "forbidden")
    succeeded(manager.post(path(other)), 202)


def test_a_run_whose_job_has_gone_cannot_be_retried(operator: APIClient) -> None:
    refused(operator.post(path(make_execution("gone"))), 404, "job_not_found")


def test_a_run_without_a_job_cannot_be_retried(operator: APIClient) -> None:
    refused(operator.post(path(make_execution(None))), 404)


def test_it_takes_the_right_to_run(viewer: APIClient) -> None:
    make_job("report")
    refused(viewer.post(path(make_execution("report"))), 403, "permission_denied")
