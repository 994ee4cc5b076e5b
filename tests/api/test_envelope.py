"""One form for every answer, whatever goes wrong."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils.translation import gettext_lazy
from rest_framework.test import APIClient

import jobs
from jobs import errors
from jobs.api import fallback, function
from jobs.api.envelope import STATUSES, Answer, EnvelopeRenderer, exception_handler
from jobs.control.job import VersionConflict
from jobs.models import Job, JobState
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_job, make_user

JOBS = BASE + "jobs"
JSON = "application/json"


def send(client: APIClient, body: bytes, content_type: str = JSON, path: str = JOBS) -> Any:
    return client.generic("POST", path, body, content_type=content_type)


@pytest.mark.parametrize("path", ["", "nope", "jobs/a/b/c", "jobs//", "a%0Ab", "%00", "JOBS", "夜"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_an_unknown_path_is_404(viewer: APIClient, path: str, method: str) -> None:
    """Pain 32: no error is a page or a redirect."""
    refused(getattr(viewer, method)(BASE + path), 404, "path_not_found")


def test_the_prefix_without_its_slash_is_404(viewer: APIClient) -> None:
    refused(viewer.get("/scheduler/api"), 404, "path_not_found")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_a_method_that_a_path_does_not_have_is_405(viewer: APIClient, method: str) -> None:
    response = viewer.generic(method.upper(), JOBS)
    refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, POST"


def test_head_answers_without_a_body(viewer: APIClient) -> None:
    response = viewer.head(JOBS)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "x" * 10_000])
def test_a_form_that_is_not_spoken_is_406(viewer: APIClient, accept: str) -> None:
    refused(viewer.get(JOBS, headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_does_not_say_it_is_json_is_415(manager: APIClient, content_type: str) -> None:
    refused(send(manager, b'{"id": "x"}', content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'a': 1}",
        b"[]",
        b'"text"',
        b"5",
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
@pytest.mark.parametrize("path", [JOBS, JOBS + "/by-func", JOBS + "/reload"])
def test_a_body_that_is_no_object_of_json_is_400(
    manager: APIClient, body: bytes, path: str
) -> None:
    refused(send(manager, body, path=path), 400, "parse_error")
    assert not Job.objects.exists()


def test_a_byte_order_mark_is_no_harm(manager: APIClient) -> None:
    refused(send(manager, b'\xef\xbb\xbf{"colour": 1}'), 400, "validation_error", field="colour")


def test_an_oversized_body_is_413(manager: APIClient, settings: LazySettings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
    body = b'{"name": "' + b"x" * 1024 * 1024 + b'"}'
    refused(send(manager, body), 413, "body_too_large")


def test_a_body_in_chunks_is_411_and_not_taken_for_an_empty_one(manager: APIClient) -> None:
    make_job("report")
    response = manager.generic(
        "POST", JOBS + "/report/pause", b"", headers={"Transfer-Encoding": "chunked"}
    )
    refused(response, 411, "length_required")
    assert Job.objects.get().is_paused is False


def test_text_is_sent_as_it_is(manager: APIClient) -> None:
    make_job("report", name="周报 \u202e📊")
    response = manager.get(JOBS + "/report")
    assert "周报" in response.content.decode()
    assert succeeded(response)["name"] == "周报 \u202e📊"


def test_a_post_without_csrf_token_is_refused_and_with_one_it_is_not(db: None) -> None:
    make_job("report")
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("manage_job"))
    refused(client.post(JOBS + "/report/disable", {}, JSON), 403, "csrf_failed")
    assert Job.objects.get().is_enabled is True
    client.cookies["csrftoken"] = token = "t" * 32
    headers = {"X-CSRFToken": token}
    succeeded(client.post(JOBS + "/report/disable", {}, JSON, headers=headers))
    assert Job.objects.get().is_enabled is False


def test_nobody_is_401_with_a_challenge(nobody: APIClient) -> None:
    response = nobody.get(JOBS)
    refused(response, 401, "not_authenticated")
    assert response.headers["WWW-Authenticate"] == "Token"


def test_somebody_who_was_switched_off_is_nobody(viewer: APIClient) -> None:
    from django.contrib.auth.models import User

    User.objects.update(is_active=False)
    refused(viewer.get(JOBS), 401, "not_authenticated")


def test_what_nobody_foresaw_is_500_and_its_traceback_is_in_the_log(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def boom() -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(function, "all_tasks", boom)
    response = viewer.get(BASE + "functions")
    body = refused(response, 500, "internal_error")
    assert "secret" not in response.content.decode()
    (record,) = (r for r in caplog.records if getattr(r, "event", "") == "api.error")
    assert record.request_id == body["request_id"]  # type: ignore[attr-defined]
    assert record.exc_info is not None
    assert "a secret of the inside" in str(record.exc_info[1])


def test_a_database_that_does_not_answer_is_503(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def boom() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(function, "all_tasks", boom)
    refused(viewer.get(BASE + "functions"), 503, "database_unavailable")


def test_a_session_that_cannot_be_read_is_503(
    viewer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.sessions.backends.db import SessionStore

    def boom(self: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(SessionStore, "load", boom)
    refused(viewer.get(BASE + "functions"), 503, "database_unavailable")


def test_a_key_that_stands_twice_in_a_body_is_refused(manager: APIClient) -> None:
    body = '{"kwargs": {"days": 1}, "kwargs": {"days": 2}}'
    answer = manager.generic("POST", JOBS + "/x/run", body, content_type="application/json")
    refused(answer, 404)
    answer = manager.generic("POST", JOBS, body, content_type="application/json")
    assert "kwargs" in refused(answer, 400, "parse_error")["message"]


def test_every_request_is_one_event_in_the_log(
    viewer: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    response = viewer.get(JOBS + "/missing")
    (record,) = caplog.records
    found = vars(record)
    assert found["event"] == "api.request"
    assert (found["method"], found["status"], found["user"]) == ("GET", 404, "viewer")
    assert (found["token_name"], found["address"]) == ("", "127.0.0.1")
    assert "job_id" in found["route"]
    assert found["duration_s"] >= 0
    assert found["request_id"] == response.headers["X-Request-ID"]


def test_every_kind_of_error_has_its_status() -> None:
    expected = {
        errors.Invalid({"a": ["b"]}): 400,
        errors.Forbidden("x"): 403,
        errors.JobNotFound("x"): 404,
        errors.Conflict("x"): 409,
        VersionConflict("x", expected=[1], found=2): 412,
        errors.Unavailable("x"): 503,
        errors.SchedulerError("of no kind"): 500,
    }
    for error, status in expected.items():
        assert exception_handler(error, {}).status_code == status
    kinds = {
        kind for kind in errors.SchedulerError.__subclasses__() if kind.__module__ == "jobs.errors"
    }
    assert kinds <= STATUSES.keys()


def test_views_contain_no_try() -> None:
    views = ("job", "job_action", "execution", "function", "definition", "health", "home")
    for name in views:
        text = (Path(jobs.__path__[0]) / "api" / f"{name}.py").read_text()
        assert "try:" not in text, name


def test_what_fails_outside_of_views_has_the_form_too(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    request = rf.get(JOBS)
    answers = [fallback.bad_request(request, ValueError()), fallback.server_error(request)]
    assert [answer.status_code for answer in answers] == [400, 500]
    bodies = [json.loads(answer.content) for answer in answers]
    assert [body["success"] for body in bodies] == [False, False]
    (record,) = caplog.records
    assert vars(record)["event"] == "request.refused"


def test_other_pages_fail_as_pages_do(rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    assert b"<html" in fallback.bad_request(request, ValueError()).content
    assert b"<html" in fallback.server_error(request).content


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**63, "9223372036854775808"),
        (-(2**200), str(-(2**200))),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
        ([float("nan"), 2**64], "[null,18446744073709551616]"),
        ("世界 \u2028 \x00 \\", None),
        (datetime(2026, 3, 4, 5, 6, 7, 80, tzinfo=UTC), '"2026-03-04T05:06:07.000080Z"'),
        (datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), '"2026-03-04T05:06:07Z"'),
        (
            [datetime(2026, 3, 4, tzinfo=UTC), 2**64],
            '["2026-03-04T00:00:00Z",18446744073709551616]',
        ),
        (gettext_lazy("OK"), '"OK"'),
        (JobState.PAUSED, '"paused"'),
        ({"a": {"b": [True, None, 1]}}, '{"a":{"b":[true,null,1]}}'),
    ],
)
def test_whatever_a_job_may_hold_is_written_as_json(value: Any, text: str | None) -> None:
    sent = EnvelopeRenderer().render(value, JSON, {"response": Answer(value)})
    body = json.loads(sent, parse_constant=pytest.fail)
    if text is None:
        assert body["data"] == value
    else:
        assert f'"data":{text},"timestamp":' in sent.decode()
