from __future__ import annotations

from typing import Any

import pytest
from django_apscheduler.models import DjangoJob
from rest_framework.test import APIClient

from jobs.control import job as control
from jobs.models import AuditEvent, Job, JobExecution, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import ACTOR, grant, make_execution, make_job, make_user

RUN = BASE + "jobs/report/run"


def test_a_run_is_queued_and_its_address_told(operator: APIClient) -> None:
    """Pain 10: nothing of the task runs in the request."""
    make_job("report", kwargs={"days": 3})
    before = DjangoJob.objects.get().next_run_time
    response = operator.post(RUN)
    data = succeeded(response, 202)
    execution = JobExecution.objects.get()
    assert data["execution_id"] == execution.pk
    assert data["url"] == response.headers["Location"] == f"{BASE}executions/{execution.pk}"
    assert succeeded(operator.get(data["url"]))["status"] == "queued"
    assert (execution.kwargs, execution.requested_by) == ({"days": 3}, "operator")
    assert DjangoJob.objects.get().next_run_time == before
    assert AuditEvent.objects.first().action == "job.run"


def test_a_busy_job_is_a_conflict_unless_a_manager_forces_it(
    operator: APIClient, manager: APIClient
) -> None:
    make_job("report")
    make_execution("report", status=Status.RUNNING)
    refused(operator.post(RUN), 409, "job_busy")
    refused(manager.post(RUN), 409, "job_busy")
    refused(operator.post(RUN, {"force": True}), 403, "forbidden")
    succeeded(manager.post(RUN, {"force": True}), 202)


def test_other_arguments_take_the_right_to_manage(operator: APIClient, manager: APIClient) -> None:
    make_job("report", kwargs={"days": 3})
    other = {"kwargs": {"days": 4}}
    assert "other arguments" in refused(operator.post(RUN, other), 403, "forbidden")["message"]
    assert not JobExecution.objects.exists()
    succeeded(manager.post(RUN, other), 202)
    assert JobExecution.objects.get().kwargs == {"days": 4}
    assert Job.objects.get().kwargs == {"days": 3}


def test_the_jobs_own_arguments_are_not_other_ones(operator: APIClient) -> None:
    make_job("report", kwargs={"days": 3})
    succeeded(operator.post(RUN, {"kwargs": {"days": 3}}), 202)


def test_true_is_another_argument_than_1(operator: APIClient) -> None:
    make_job("report", kwargs={"days": 1})
    refused(operator.post(RUN, {"kwargs": {"days": True}}), 403, "forbidden")


def test_a_task_may_open_its_arguments_to_all_who_run_it(operator: APIClient) -> None:
    make_job("report", function="open_report")
    succeeded(operator.post(RUN, {"kwargs": {"recipient": "me"}}), 202)
    assert JobExecution.objects.get().kwargs == {"recipient": "me"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kwargs": {"days": "seven"}}, "kwargs.days"),
        ({"kwargs": {"colour": 1}}, "kwargs.colour"),
        ({"kwargs": {"recipient": "a\x00b"}}, "kwargs"),
        ({"kwargs": []}, "kwargs"),
        ({"kwargs": None}, "kwargs"),
        ({"kwargs": "days"}, "kwargs"),
        ({"force": "yes"}, "force"),
        ({"force": 1}, "force"),
        ({"force": None}, "force"),
        ({"args": []}, "args"),
    ],
)
def test_bad_bodies_queue_nothing(manager: APIClient, body: dict[str, Any], field: str) -> None:
    make_job("report")
    refused(manager.post(RUN, body), 400, "validation_error", field=field)
    assert not JobExecution.objects.exists()


def test_disabled_paused_and_finished_jobs_may_be_run_by_hand(operator: APIClient) -> None:
    make_job("report", max_instances=3)
    control.pause("report", actor=ACTOR)
    succeeded(operator.post(RUN), 202)
    control.disable("report", actor=ACTOR)
    succeeded(operator.post(RUN), 202)
    Job.objects.update(is_paused=False, is_enabled=True)
    DjangoJob.objects.update(next_run_time=None)
    succeeded(operator.post(RUN), 202)


def test_a_broken_job_may_not_and_says_why(operator: APIClient) -> None:
    make_job("report")
    Job.objects.update(function="gone")
    assert "gone" in refused(operator.post(RUN), 409, "job_broken")["message"]


def test_running_takes_the_right_to_run(viewer: APIClient, login: Login) -> None:
    make_job("report")
    refused(viewer.post(RUN), 403, "permission_denied")
    user = make_user()
    grant(user, "run_job", make_job("mine"))
    client = login(user)
    data = succeeded(client.post(BASE + "jobs/mine/run"), 202)
    succeeded(client.get(data["url"]))
    refused(client.post(RUN), 404, "job_not_found")
    refused(client.post(BASE + "jobs/missing/run"), 404, "job_not_found")


def test_a_right_to_manage_another_job_does_not_force_this_one(login: Login) -> None:
    user = make_user()
    grant(user, "run_job", make_job("report"))
    grant(user, "manage_job", make_job("mine"))
    client = login(user)
    refused(client.post(RUN, {"force": True}), 403, "forbidden")
    succeeded(client.post(BASE + "jobs/mine/run", {"force": True}), 202)
