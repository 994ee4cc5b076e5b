from __future__ import annotations

from django.db import connection
from django_apscheduler.models import DjangoJob
from rest_framework.test import APIClient

from jobs.executions.finish import Verdict, write_verdicts
from jobs.models import AuditEvent, Job, JobExecution, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_builtin, make_execution, make_job, make_user


def test_a_custom_job_goes_and_its_history_stays(manager: APIClient) -> None:
    """Pain 31: it can be deleted."""
    make_job("report")
    make_execution("report")
    assert succeeded(manager.delete(BASE + "jobs/report")) is None
    assert not Job.objects.exists()
    assert not DjangoJob.objects.exists()
    assert JobExecution.objects.get().job_id == "report"
    assert AuditEvent.objects.first().action == "job.delete"
    refused(manager.delete(BASE + "jobs/report"), 404, "job_not_found")


def test_a_job_that_runs_may_be_deleted_and_its_run_goes_on_to_its_verdict(
    manager: APIClient,
) -> None:
    make_job("report")
    running = make_execution("report", status=Status.RUNNING)
    succeeded(manager.delete(BASE + "jobs/report"))
    address = f"{BASE}executions/{running.pk}"
    assert succeeded(manager.get(address))["status"] == "running"
    assert succeeded(manager.post(address + "/cancel"))["is_cancelling"] is True
    now = running.queued_at
    verdict = Verdict(
        execution_id=running.pk,
        job_id="report",
        scheduled_for=running.scheduled_for,
        status=Status.CANCELLED,
        started_at=now,
        finished_at=now,
        released_at=now,
        duration_s=0.1,
    )
    with connection.cursor() as cursor:
        write_verdicts(cursor, running.owner, [verdict], now)
    assert succeeded(manager.get(address))["status"] == "cancelled"


def test_a_built_in_job_is_protected(manager: APIClient) -> None:
    """Pain 34."""
    make_builtin()
    refused(manager.delete(BASE + "jobs/cleanup_logs"), 403, "builtin_protected")
    assert Job.objects.exists()


def test_a_body_with_content_is_refused(manager: APIClient) -> None:
    make_job("report")
    refused(manager.delete(BASE + "jobs/report", {"force": True}), 400, field="force")
    assert Job.objects.exists()


def test_deleting_takes_the_right_to_manage(operator: APIClient) -> None:
    make_job("report")
    refused(operator.delete(BASE + "jobs/report"), 403, "permission_denied")


def test_a_grant_goes_with_its_job(manager: APIClient, login: Login) -> None:
    user = make_user()
    grant(user, "view_job", make_job("report"))
    succeeded(manager.delete(BASE + "jobs/report"))
    make_job("report")
    refused(login(user).get(BASE + "jobs/report"), 404)
