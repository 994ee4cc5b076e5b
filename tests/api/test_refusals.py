"""What somebody tried and was refused stands in the audit; what made no sense does not."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError
from rest_framework.test import APIClient

from jobs.control.audit import record_refusal
from jobs.models import AuditEvent, Job, Scope, Status
from jobs.models.audit import AppendOnly
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient, Login
from tests.factories import (
    ACTOR,
    grant,
    make_builtin,
    make_execution,
    make_job,
    make_token,
    make_user,
)


def refusals() -> list[tuple[str, str, str]]:
    events = AuditEvent.objects.filter(is_refused=True).order_by("pk")
    return [(event.action, event.job_id, event.actor) for event in events]


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("patch", "jobs/report", "job.change"),
        ("delete", "jobs/report", "job.delete"),
        ("post", "jobs/report/enable", "job.enable"),
        ("post", "jobs/report/disable", "job.disable"),
        ("post", "jobs/report/pause", "job.pause"),
        ("post", "jobs/report/resume", "job.resume"),
        ("post", "jobs/report/run", "job.run"),
    ],
)
def test_who_lacks_the_right_is_written_down(
    viewer: APIClient, method: str, path: str, action: str
) -> None:
    make_job("report")
    body = refused(getattr(viewer, method)(BASE + path), 403)
    assert refusals() == [(action, "report", "viewer")]
    event = AuditEvent.objects.get(is_refused=True)
    assert (event.via, event.address, event.message) == ("api", "127.0.0.1", body["message"])
    assert (event.before, event.after) == (None, None)


def test_so_is_who_asks_for_a_job_that_they_may_not_see(login: Login) -> None:
    make_job("report")
    refused(login(make_user(name="eve")).post(BASE + "jobs/report/run"), 404)
    assert refusals() == [("job.run", "report", "eve")]


def test_and_who_would_end_a_run_of_it(login: Login) -> None:
    make_job("report")
    execution = make_execution("report", status=Status.QUEUED)
    refused(login(make_user(name="eve")).post(f"{BASE}executions/{execution.pk}/cancel"), 404)
    assert refusals() == [("execution.cancel", "report", "eve")]
    assert AuditEvent.objects.get(is_refused=True).target == f"#{execution.pk}"


def test_a_conflict_and_a_lost_update_are_refusals(manager: APIClient) -> None:
    job = make_job("report")
    execution = make_execution("report", status=Status.FAILED)
    refused(manager.post(f"{BASE}executions/{execution.pk}/cancel"), 409)
    answer = manager.patch(BASE + "jobs/report", {"name": "x"}, HTTP_IF_MATCH='"99"')
    refused(answer, 412)
    make_builtin()
    refused(manager.delete(BASE + "jobs/cleanup_logs"), 403)
    assert refusals() == [
        ("execution.cancel", "report", "manager"),
        ("job.change", "report", "manager"),
        ("job.delete", "cleanup_logs", "manager"),
    ]
    assert Job.objects.get(pk="report").version == job.version


def test_the_token_that_was_too_weak_is_named(db: None) -> None:
    make_job("report")
    _token, text = make_token(make_user("manage_job", name="ann"), name="ro", scope=Scope.VIEW)
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    refused(client.post(BASE + "jobs/report/run"), 403)
    event = AuditEvent.objects.get(is_refused=True)
    assert (event.actor, event.token) == ("ann", "ro")
    assert "scope" in event.message


def test_the_estate_is_watched_too(login: Login) -> None:
    client = login(make_user(name="eve"))
    refused(client.post(BASE + "estate/instances", {"name": "x"}), 403)
    refused(client.delete(BASE + "estate/instances/7"), 403)
    events = AuditEvent.objects.filter(is_refused=True).order_by("pk")
    assert [(event.action, event.target) for event in events] == [
        ("instance.create", "instance"),
        ("instance.delete", "instance 7"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "jobs", {"colour": "red"}, 400),
        ("patch", "jobs/report", {"name": ""}, 400),
        ("put", "jobs/report/run", None, 405),
        ("get", "jobs/missing", None, 404),
        ("post", "nope", None, 404),
    ],
)
def test_what_made_no_sense_or_changes_nothing_is_not(
    manager: APIClient, method: str, path: str, body: Any, status: int
) -> None:
    make_job("report")
    refused(getattr(manager, method)(BASE + path, body), status)
    assert refusals() == []


def test_nobody_is_not_written_down(nobody: APIClient) -> None:
    make_job("report")
    refused(nobody.post(BASE + "jobs/report/run"), 401)
    assert refusals() == []


def test_where_it_cannot_be_written_the_answer_stays(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_job("report")

    def boom(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(type(AuditEvent.objects.all()), "create", boom)
    refused(viewer.post(BASE + "jobs/report/run"), 403)
    assert [r for r in caplog.records if getattr(r, "event", "") == "audit.lost"]


def test_secrets_in_what_was_refused_are_hidden(db: None) -> None:
    record_refusal(ACTOR, "job.run", "No postgres://ann:hunter2@db/x here.")
    assert AuditEvent.objects.get().message == "No postgres://ann:[hidden]@db/x here."


@pytest.mark.parametrize("method", ["ENDPOINT", "ACTOR", "QUERY", "__INIT__", "GET_QUERYSET"])
def test_a_method_named_like_an_attribute_is_405(nobody: APIClient, method: str) -> None:
    refused(nobody.generic(method, BASE + "jobs"), 401)
    assert refusals() == []


def test_what_was_written_is_not_rewritten(db: None) -> None:
    record_refusal(ACTOR, "job.run", "No.")
    event = AuditEvent.objects.get()
    event.actor = "mallory"
    for rewrite in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(actor="mallory"),
    ):
        with pytest.raises(AppendOnly):
            rewrite()
    assert AuditEvent.objects.get().actor == ACTOR.name


def test_every_method_that_changes_something_has_its_action() -> None:
    from tests.rights.table import TABLE
    from tests.rights.test_api import views

    without = {
        "scheduler:trigger_preview",
        "scheduler:alert_rule_preview",
        "scheduler:api_root",
        "scheduler:unknown",
    }
    for name, view in views().items():
        for method in ("post", "put", "patch", "delete"):
            handler = getattr(view, method, None)
            if handler is not None and method in view.http_method_names and name in TABLE:
                assert bool(handler.endpoint.action) is (name not in without), (name, method)


def test_a_run_that_succeeds_is_no_refusal(operator: APIClient, login: Login) -> None:
    job = make_job("report")
    user = make_user()
    grant(user, "run_job", job)
    succeeded(login(user).post(BASE + "jobs/report/run"), 202)
    assert refusals() == []
