"""A request's id stands on all that is logged during it, and one line tells of each request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from rest_framework.test import APIClient

from jobs.admin.nul import NulMiddleware
from jobs.api import function
from jobs.conf import conf
from jobs.estate.services.side_by_side import Visit, side_by_side
from jobs.models import ApiToken
from jobs.trace import Trace, tracing
from schedcore.logs import Belonging
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, JsonClient
from tests.factories import make_job, make_token, make_user

JOBS = BASE + "jobs"


class Kept(logging.Handler):
    """Keeps what each record says, as the process's own handler would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(Belonging())
        self.records: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(vars(record) | {"text": record.getMessage()})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["event"] == event]


@pytest.fixture
def log() -> Iterator[Kept]:
    root, handler = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


def test_all_that_is_logged_during_a_request_carries_its_id(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch, log: Kept
) -> None:
    def says_something() -> list[Any]:
        logging.getLogger("some.library").warning("Careful")
        return []

    monkeypatch.setattr(function, "all_tasks", says_something)
    response = viewer.get(BASE + "functions")
    (record,) = (one for one in log.records if one["text"] == "Careful")
    assert record["request_id"] == response.headers["X-Request-ID"]
    assert record["event"] == "library"
    logging.getLogger("some.library").warning("Later")
    assert "request_id" not in log.records[-1]


def test_a_visit_of_an_instance_belongs_to_its_request(log: Kept) -> None:
    def visit() -> None:
        logging.getLogger("some.library").warning("Visited")

    with tracing(Trace("abc")):
        visits = [Visit(key=1, run=visit, deadline_s=30, late=TimeoutError())]
        list(side_by_side(visits, concurrency=1, started=lambda key: None, look=lambda: None))
    assert [one["request_id"] for one in log.records if one["text"] == "Visited"] == ["abc"]


def test_a_request_that_fails_outside_of_a_view_is_told_like_others(
    client: Client, monkeypatch: pytest.MonkeyPatch, log: Kept
) -> None:
    def boom(*arguments: object) -> None:
        raise RuntimeError("in a middleware")

    client.raise_request_exception = False
    monkeypatch.setattr(NulMiddleware, "process_view", boom)
    body = refused(client.get(JOBS), 500, "internal_error")
    (told,) = log.of("api.request")
    (traceback,) = (one for one in log.records if one["levelno"] == logging.ERROR)
    assert (told["status"], told["levelno"]) == (500, logging.INFO)
    assert told["request_id"] == traceback["request_id"] == body["request_id"]
    assert "in a middleware" in str(traceback["exc_info"])


def test_a_host_that_is_not_allowed_is_a_warning_and_no_failure(client: Client, log: Kept) -> None:
    answer = client.get(JOBS, headers={"host": "elsewhere.example"})
    refused(answer, 400, "bad_request")
    (record,) = log.of("request.refused")
    assert "elsewhere.example" in record["reason"]
    assert max(one["levelno"] for one in log.records) == logging.WARNING
    assert log.of("api.request")[0]["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", [JOBS, "/admin/", "/healthz", "/nowhere"])
def test_every_answer_has_an_id_of_its_own(path: str, client: Client, db: None) -> None:
    ids = {client.get(path).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(one) == 32 for one in ids)


def test_what_only_reads_and_succeeds_is_for_debug(
    viewer: APIClient, manager: APIClient, log: Kept
) -> None:
    for path in (JOBS, "/healthz", "/admin/login/"):
        viewer.get(path)
    viewer.get(JOBS + "/missing")
    viewer.get("/nowhere")
    manager.post(JOBS + "/missing/run")
    told = [
        (one["levelname"], one["event"], one["status"], one["user"])
        for one in log.records
        if one["event"].endswith(".request")
    ]
    assert told == [
        ("DEBUG", "api.request", 200, "viewer"),
        ("DEBUG", "page.request", 200, ""),
        ("DEBUG", "page.request", 200, "viewer"),
        ("INFO", "api.request", 404, "viewer"),
        ("INFO", "page.request", 404, ""),
        ("INFO", "api.request", 404, "manager"),
    ]
    assert all(one["levelno"] < logging.WARNING for one in log.records)


@pytest.mark.parametrize(
    ("path", "level"), [("jobs", "INFO"), ("executions", "INFO"), ("health", "DEBUG")]
)
def test_what_a_program_reads_by_its_token_is_told_unless_it_is_a_monitor(
    path: str, level: str, db: None, log: Kept
) -> None:
    _token, text = make_token(make_user("view_job", name="owner"), name="deploy")
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    succeeded(client.get(BASE + path))
    (told,) = log.of("api.request")
    assert (told["levelname"], told["token_name"]) == (level, "deploy")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"revoked_at": datetime(2026, 1, 1, tzinfo=UTC)}, "token_revoked"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "token_expired"),
    ],
)
def test_the_log_names_a_token_that_is_refused(
    fault: dict[str, Any], code: str, db: None, log: Kept
) -> None:
    token, text = make_token(make_user(name="owner"), name="deploy")
    created_at = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=1)
    ApiToken.objects.filter(pk=token.pk).update(created_at=created_at, **fault)
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    refused(client.get(JOBS), 401, code)
    (told,) = log.of("api.request")
    assert (told["user"], told["token_name"], told["levelname"]) == ("owner", "deploy", "INFO")


@pytest.mark.parametrize(
    ("given", "is_trusted", "is_taken"),
    [
        ("4f2c9d10-a.b_c", True, True),
        ("4f2c9d10-a.b_c", False, False),
        ("short", True, False),
        ("x" * 65, True, False),
        ('4f2c9d10"\n', True, False),
    ],
)
def test_an_id_is_taken_only_from_a_proxy_that_is_trusted(
    given: str, is_trusted: bool, is_taken: bool, client: Client, settings: LazySettings
) -> None:
    settings.SCHEDCORE = replace(conf(), trust_proxy=is_trusted)
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) == is_taken
    succeeded(answer)


def test_the_log_leads_from_a_request_to_the_execution_that_came_of_it(
    manager: APIClient, log: Kept
) -> None:
    make_job("report")
    answer = manager.post(JOBS + "/report/run")
    (record,) = log.of("execution.requested")
    assert record["execution_id"] == succeeded(answer, 202)["execution_id"]
    assert record["request_id"] == answer.headers["X-Request-ID"]
    assert (record["job_id"], record["actor"], record["via"]) == ("report", "manager", "api")
