from __future__ import annotations

from rest_framework.test import APIClient

from jobs.models import AuditEvent, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_execution, make_job


def path(number: int) -> str:
    return f"{BASE}executions/{number}/cancel"


def test_a_queued_run_ends_at_once(operator: APIClient) -> None:
    make_job("report")
    queued = make_execution("report", status=Status.QUEUED)
    assert succeeded(operator.post(path(queued.pk)))["status"] == "cancelled"
    assert AuditEvent.objects.first().action == "execution.cancel"


def test_a_run_that_goes_on_is_asked_to_end_and_asking_again_is_no_error(
    operator: APIClient,
) -> None:
    make_job("report")
    running = make_execution("report", status=Status.RUNNING)
    for _ in range(2):
        shown = succeeded(operator.post(path(running.pk)))
        assert (shown["status"], shown["is_cancelling"]) == ("running", True)
        assert shown["cancel_requested_by"] == "operator"


def test_one_that_has_ended_is_a_conflict(operator: APIClient) -> None:
    refused(operator.post(path(make_execution("report").pk)), 409, "execution_finished")


def test_it_takes_the_right_to_run(viewer: APIClient) -> None:
    queued = make_execution("report", status=Status.QUEUED)
    refused(viewer.post(path(queued.pk)), 403, "permission_denied")
    queued.refresh_from_db()
    assert queued.status == Status.QUEUED


def test_unknown_keys_and_executions_are_refused(operator: APIClient) -> None:
    queued = make_execution("report", status=Status.QUEUED)
    refused(operator.post(path(queued.pk), {"why": "x"}), 400, field="why")
    refused(operator.post(path(10**17)), 404, "execution_not_found")
