"""GET and PUT jobs/<id>/rights."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job, JobGroupPermission, JobUserPermission, Scope
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient, Login
from tests.factories import grant, make_job, make_token, make_user

RIGHTS = BASE + "jobs/report/rights"


@pytest.fixture(autouse=True)
def _rows(db: None) -> None:
    make_job("report")
    make_user(name="ann")
    Group.objects.create(name="dba")


def test_rights_are_given_shown_and_taken(manager: APIClient) -> None:
    assert succeeded(manager.get(RIGHTS)) == []
    for holder in ({"user": "ann", "group": None}, {"user": None, "group": "dba"}):
        answer = manager.put(RIGHTS, {**holder, "right": "run"})
        assert succeeded(answer) == {**holder, "right": "run"}
        assert "may view and run" in answer.json()["message"]
    listed = manager.get(RIGHTS)
    assert succeeded(listed) == [
        {"user": None, "group": "dba", "right": "run"},
        {"user": "ann", "group": None, "right": "run"},
    ]
    assert listed.json()["meta"] == {"count": 2, "page": 1, "page_size": 500, "pages": 1}
    taken = manager.put(RIGHTS, {"user": "ann", "right": None})
    assert succeeded(taken) == {"user": "ann", "group": None, "right": None}
    assert not JobUserPermission.objects.exists()
    assert JobGroupPermission.objects.exists()


def test_many_rights_come_in_pages(manager: APIClient) -> None:
    job = Job.objects.get(pk="report")
    for name in ("u1", "u2", "u3"):
        grant(make_user(name=name), "run_job", job)
    answer = manager.get(RIGHTS + "?page=2&page_size=2")
    assert [row["user"] for row in succeeded(answer)] == ["u3"]
    assert answer.json()["meta"] == {"count": 3, "page": 2, "page_size": 2, "pages": 2}
    refused(manager.get(RIGHTS + "?page=3&page_size=2"), 404, "not_found")
    refused(manager.get(RIGHTS + "?page=0"), 400, "validation_error", field="page")
    refused(manager.get(RIGHTS + f"?page={2**63 - 1}"), 404, "not_found")


def test_who_was_given_a_right_has_it_at_once(manager: APIClient, login: Login) -> None:
    ann = login(User.objects.get(username="ann"))
    refused(ann.post(BASE + "jobs/report/run"), 404)
    for _ in range(2):
        succeeded(manager.put(RIGHTS, {"user": "ann", "right": "run"}))
    succeeded(ann.post(BASE + "jobs/report/run"), 202)
    refused(ann.get(RIGHTS), 403, "permission_denied")
    succeeded(manager.put(RIGHTS, {"user": "ann", "right": None}))
    refused(ann.get(BASE + "jobs/report"), 404)


def test_the_audit_tells_who_gave_what_by_which_token(db: None) -> None:
    _token, text = make_token(make_user("manage_job", name="boss"), name="ci", scope=Scope.MANAGE)
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    succeeded(client.put(RIGHTS, {"user": "ann", "right": "manage"}))
    event = AuditEvent.objects.get(action="rights.change")
    assert (event.actor, event.token, event.via, event.job_id) == ("boss", "ci", "api", "report")
    assert (event.before, event.after) == ({"right": None}, {"right": "manage"})


def test_who_manages_the_one_job_may_and_a_refusal_is_written_down(login: Login) -> None:
    ann = User.objects.get(username="ann")
    client = login(ann)
    refused(client.put(RIGHTS, {"user": "ann", "right": "manage"}), 404, "job_not_found")
    event = AuditEvent.objects.get(is_refused=True)
    assert (event.action, event.job_id, event.actor) == ("rights.change", "report", "ann")
    grant(ann, "manage_job", Job.objects.get(pk="report"))
    succeeded(client.put(RIGHTS, {"group": "dba", "right": "view"}))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "right"),
        ({"right": "run"}, "user"),
        ({"user": "ann"}, "right"),
        ({"user": None, "group": None, "right": "run"}, "user"),
        ({"user": "ann", "group": "dba", "right": "run"}, "user"),
        ({"user": "", "right": "run"}, "user"),
        ({"user": " ann", "right": "run"}, "user"),
        ({"user": "Ann", "right": "run"}, "user"),
        ({"user": "nobody-here", "right": "run"}, "user"),
        ({"user": "x" * 100_000, "right": "run"}, "user"),
        ({"user": "a\x00b", "right": "run"}, "user"),
        ({"user": "\u202eann", "right": "run"}, "user"),
        ({"user": 7, "right": "run"}, "user"),
        ({"user": ["ann"], "right": "run"}, "user"),
        ({"user": {"name": "ann"}, "right": "run"}, "user"),
        ({"group": "ann", "right": "run"}, "group"),
        ({"group": True, "right": "run"}, "group"),
        ({"group": "🦄", "right": None}, "group"),
        ({"user": "ann", "right": ""}, "right"),
        ({"user": "ann", "right": "run_job"}, "right"),
        ({"user": "ann", "right": "RUN"}, "right"),
        ({"user": "ann", "right": 1}, "right"),
        ({"user": "ann", "right": False}, "right"),
        ({"user": "ann", "right": ["run"]}, "right"),
        ({"user": "ann", "right": "run", "job": "other"}, "job"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    manager: APIClient, body: dict[str, Any], field: str
) -> None:
    refused(manager.put(RIGHTS, body), 400, "validation_error", field=field)
    assert not JobUserPermission.objects.exists()
    assert not JobGroupPermission.objects.exists()
    assert not AuditEvent.objects.filter(action="rights.change").exists()


def test_half_a_surrogate_pair_is_refused_too(manager: APIClient) -> None:
    body = '{"user": "\\ud800", "right": "run"}'
    answer = manager.put(RIGHTS, body, content_type="application/json")
    refused(answer, 400)


def test_a_job_that_is_not_there_is_not_found(manager: APIClient) -> None:
    refused(manager.get(BASE + "jobs/gone/rights"), 404, "job_not_found")
    refused(
        manager.put(BASE + "jobs/gone/rights", {"user": "ann", "right": "run"}),
        404,
        "job_not_found",
    )


@pytest.mark.parametrize("number", [1, 50])
def test_the_number_of_queries_does_not_grow_with_the_grants(
    manager: APIClient, number: int, django_assert_num_queries: Any
) -> None:
    job = Job.objects.get(pk="report")
    for at in range(number):
        grant(make_user(name=f"u{at}"), "run_job", job)
    with django_assert_num_queries(6):
        assert len(succeeded(manager.get(RIGHTS))) == number
