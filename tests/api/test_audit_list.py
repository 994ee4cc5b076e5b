"""`GET audit` and its export."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from jobs.control.audit import Actor, record, record_refusal
from jobs.models import AuditEvent, Scope
from jobs.models.audit import Via
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient, Login
from tests.factories import grant, make_job, make_token, make_user

AUDIT = BASE + "audit"
EXPORT = BASE + "audit/export"


def add(action: str = "job.pause", actor: str = "ann", **fields: Any) -> None:
    via = fields.pop("via", Via.API)
    record(Actor(name=actor, via=via, token=fields.pop("token", "")), action, **fields)


def actions(client: APIClient, query: str = "") -> list[str]:
    return [event["action"] for event in succeeded(client.get(AUDIT + query))]


def test_a_change_by_the_api_says_who_by_what_and_what(manager: APIClient) -> None:
    make_job("report", name="Report")
    owner = make_user("manage_job", name="ann")
    _token, text = make_token(owner, name="deploy", scope=Scope.MANAGE)
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    succeeded(client.patch(BASE + "jobs/report", {"name": "New name"}, REMOTE_ADDR="192.0.2.7"))
    (event,) = succeeded(manager.get(AUDIT + "?action=job.change"))
    shown = {name: event[name] for name in ("actor", "via", "token", "address", "job_id")}
    assert shown == {
        "actor": "ann",
        "via": "api",
        "token": "deploy",
        "address": "192.0.2.7",
        "job_id": "report",
    }
    assert (event["before"], event["after"]) == ({"name": "Report"}, {"name": "New name"})
    assert event["is_refused"] is False


def test_the_newest_come_first_by_pages(manager: APIClient) -> None:
    for number in range(5):
        add(f"a.{number}")
    first = manager.get(AUDIT + "?limit=3").json()
    assert [event["action"] for event in first["data"]] == ["a.4", "a.3", "a.2"]
    before = first["meta"]["next_before"]
    assert actions(manager, f"?before={before}") == ["a.1", "a.0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?job=one", ["b"]),
        ("?actor=bob", ["c"]),
        ("?via=command", ["c"]),
        ("?via=command,api", ["c", "b", "a"]),
        ("?token=ci", ["a"]),
        ("?action=b", ["b"]),
        ("?target=thing", ["a"]),
        ("?is_refused=true", ["d"]),
        ("?is_refused=false", ["c", "b", "a"]),
        ("?until=2020-01-01", []),
        ("?since=2020-01-01", ["d", "c", "b", "a"]),
        ("?job=one&actor=bob", []),
    ],
)
def test_filters(manager: APIClient, query: str, expected: list[str]) -> None:
    add("a", token="ci", target="thing")
    add("b", job_id="one")
    add("c", actor="bob", via=Via.COMMAND)
    record_refusal(Actor(name="eve", via=Via.ADMIN), "d", "No.")
    assert actions(manager, query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?colour=red", "colour"),
        ("?via=mail", "via"),
        ("?is_refused=maybe", "is_refused"),
        ("?since=soon", "since"),
        ("?limit=0", "limit"),
        ("?before=x", "before"),
        ("?actor=a&actor=b", "actor"),
        ("?actor=%00", "actor"),
    ],
)
@pytest.mark.parametrize("path", [AUDIT, EXPORT])
def test_bad_parameters_are_named(manager: APIClient, path: str, query: str, field: str) -> None:
    refused(manager.get(path + query), 400, "validation_error", field=field)


def test_what_was_about_no_job_names_none(manager: APIClient) -> None:
    add("login", job_id="")
    (event,) = succeeded(manager.get(AUDIT + "?action=login"))
    assert event["job_id"] is None


def test_who_manages_one_job_sees_the_events_of_that_one(login: Login) -> None:
    mine = make_job("mine")
    make_job("other")
    add("login", job_id="")
    user = make_user()
    grant(user, "manage_job", mine)
    client = login(user)
    assert actions(client) == ["job.create"]
    assert {json.loads(line)["job_id"] for line in exported(client)} == {"mine"}


def exported(client: APIClient, query: str = "") -> list[str]:
    answer: Any = client.get(EXPORT + query)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    text = b"".join(answer.streaming_content).decode()
    assert text == "" or text.endswith("\n")
    return text.splitlines()


def test_the_export_is_one_object_a_line_the_oldest_first(manager: APIClient) -> None:
    add("a", message="line\nbreak, “quotes” and 中文")
    add("b")
    lines = [json.loads(line) for line in exported(manager)]
    assert [line["action"] for line in lines] == ["a", "b"]
    assert lines[0]["message"] == "line\nbreak, “quotes” and 中文"
    assert [json.loads(line)["action"] for line in exported(manager, "?action=b")] == ["b"]


def test_the_export_reads_page_by_page(
    manager: APIClient, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("jobs.api.audit_event.CHUNK", 10)
    for number in range(25):
        add(f"a.{number}")
    answer: Any = manager.get(EXPORT)
    with django_assert_num_queries(4):
        lines = list(answer.streaming_content)
    assert len(lines) == 25


def test_it_takes_a_fixed_number_of_queries(
    manager: APIClient, django_assert_num_queries: Any
) -> None:
    for _ in range(30):
        add()
    manager.get(AUDIT)
    with django_assert_num_queries(4):  # session, user, rights, the events
        succeeded(manager.get(AUDIT))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_of_it_can_be_changed(manager: APIClient, method: str) -> None:
    add()
    refused(getattr(manager, method)(AUDIT), 405)
    assert AuditEvent.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("?actor=rare", "audit_actor_idx"),
        ("?action=rare", "audit_action_idx"),
        ("?is_refused=true", "audit_refused_idx"),
        ("?job=rare", "audit_job_idx"),
    ],
)
def test_a_rare_event_is_found_by_an_index(manager: APIClient, query: str, index: str) -> None:
    AuditEvent.objects.bulk_create(
        AuditEvent(actor="ann", via=Via.API, action="job.run", job_id=f"job-{number % 100}")
        for number in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_auditevent")
    with CaptureQueriesContext(connection) as captured:
        succeeded(manager.get(AUDIT + query))
    statement = captured[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan, plan


def test_no_secret_comes_out_of_it(manager: APIClient) -> None:
    make_job("report", kwargs={"recipient": "postgres://ann:hunter2@db/x"})
    text = manager.get(AUDIT).content.decode() + "".join(exported(manager))
    assert "hunter2" not in text
    assert "postgres://ann:[hidden]@db/x" in text
