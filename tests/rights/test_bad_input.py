"""Whatever is sent to whichever endpoint: an answer in the envelope that names what is wrong,
and nothing changed.

Nothing here knows an endpoint or a field. The endpoints are those of the table of rights, which
must have all; and what a body may hold, each of them says itself when it is sent a field that is
not known. So a new one is covered as it comes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.http import HttpResponse
from rest_framework.test import APIClient

from jobs.api.wire import FLAT_FIELDS
from jobs.control.input import TRIGGER_FIELDS
from jobs.models import AuditEvent
from tests.api.answers import refused
from tests.api.conftest import BASE
from tests.rights.conftest import ClientOf
from tests.rights.table import ROWS, Row
from tests.rights.test_api import call, state

JSON = "application/json"
TRIGGER = {*TRIGGER_FIELDS, *FLAT_FIELDS}
AN_ID = re.compile(r"\{\w+\}|(?<=^jobs/)(?:report|collect_database_sizes)")

READ = [row for row in ROWS if row.method == "GET" and row.status_for("manager") == 200]
WRITE = [
    Row("PUT", "jobs/collect_database_sizes", row.may, 200, {**row.body, "hours": 1})
    if row.path == "jobs/report" and row.body is not None and row.method == "PUT"
    else row
    for row in ROWS
    if row.method != "GET" and row.status_for("manager") != 404
]
"""PUT is for jobs that are built in."""

HUGE = "x" * 70_000
NUL = "a\x00b"

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    10**400,
    "",
    NUL,
    "\u202e😀 夜",
    HUGE,
    "0000-01-01T00:00:00Z",
    "99999-12-31",
    [],
    [None, NUL],
    {},
    {NUL: {"a": [HUGE]}},
]
FEW: list[Any] = [None, 10**400, NUL, "99999-12-31", [], {}]
"""For the many fields of a trigger, which one reader reads."""

RAW = [
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 5_000,
    '"\\ud800"',
    "[" * 1_000 + "]" * 1_000,
    '{"a":' * 1_000 + "1" + "}" * 1_000,
]
"""What is no JSON, or none that is taken, in place of a field's value."""

BROKEN = [b"{", b"[]", b"5", b'"x"', b"null", b"{'a': 1}", b"\xff", b'{"a": 1} x', b"[" * 100_000]


@pytest.fixture
def manager(client_of: ClientOf) -> APIClient:
    return client_of("manager")


@pytest.mark.parametrize("row", WRITE, ids=str)
def test_whatever_stands_in_a_field_is_taken_or_refused_by_name(
    manager: APIClient, ids: dict[str, int], row: Row
) -> None:
    fields = _fields(manager, row, ids)
    assert set(fields) >= (row.body or {}).keys()
    for field in fields:
        values = FEW if field in FLAT_FIELDS else VALUES
        for value in values:
            response = _sent(manager, row, ids, {**(row.body or {}), field: value})
            if response.status_code == 400:
                _names(response, field)
            else:
                assert response.status_code in (row.ok, 201, 202, 404, 409), (field, value)


@pytest.mark.parametrize("row", WRITE, ids=str)
def test_what_is_missing_is_named_or_may_be_missing(
    manager: APIClient, ids: dict[str, int], row: Row
) -> None:
    for field in row.body or {}:
        body = {name: value for name, value in (row.body or {}).items() if name != field}
        response = _sent(manager, row, ids, body)
        if response.status_code == 400:
            _names(response, field)
        else:
            assert response.status_code in (row.ok, 201, 202), field


@pytest.mark.parametrize("row", WRITE, ids=str)
def test_a_body_that_is_not_json_is_refused(
    manager: APIClient, ids: dict[str, int], row: Row
) -> None:
    before = state()
    bodies = [f'{{"name": {value}}}'.encode() for value in RAW]
    for body in BROKEN + bodies:
        refused(_raw(manager, row, ids, body), 400, "parse_error")
    for content_type in ("text/plain", "multipart/form-data; boundary=x", "application/xml"):
        refused(_raw(manager, row, ids, b"{}", content_type), 415, "unsupported_media_type")
    assert state() == before


@pytest.mark.parametrize("row", WRITE, ids=str)
def test_an_oversized_body_is_refused(
    manager: APIClient, ids: dict[str, int], row: Row, settings: LazySettings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    before = state()
    refused(_raw(manager, row, ids, b" " * 1_001 + b"{}"), 413, "body_too_large")
    assert state() == before


@pytest.mark.parametrize("row", READ + WRITE, ids=str)
def test_a_path_answers_with_a_slash_at_its_end_as_without(
    manager: APIClient, ids: dict[str, int], row: Row
) -> None:
    with transaction.atomic():
        plain = call(manager, row, ids)
        transaction.set_rollback(True)
    slashed = call(manager, Row(row.method, row.path + "/", row.may, row.ok, row.body), ids)
    assert plain.status_code == slashed.status_code == row.ok
    assert plain.headers["Content-Type"] == slashed.headers["Content-Type"]


@pytest.mark.parametrize("row", READ, ids=str)
def test_head_is_get_without_its_body(manager: APIClient, ids: dict[str, int], row: Row) -> None:
    response = call(manager, Row("HEAD", row.path, row.may), ids)
    assert (response.status_code, b"".join(response)) == (200, b"")


@pytest.mark.parametrize("row", READ + WRITE, ids=str)
def test_other_methods_and_forms_are_refused(
    manager: APIClient, ids: dict[str, int], row: Row
) -> None:
    before = state()
    for method in ("OPTIONS", "TRACE", "BREW"):
        response = call(manager, Row(method, row.path, row.may), ids)
        refused(response, 405, "method_not_allowed")
        assert row.method in response.headers["Allow"].split(", ")
    url = BASE + row.path.format(**ids)
    if "export" not in row.path:  # a file, whatever is asked for
        for accept in ("text/html", "application/xml;q=0.9", "image/*"):
            response = manager.generic(
                row.method, url, json.dumps(row.body or {}), "application/json", HTTP_ACCEPT=accept
            )
            refused(response, 406, "not_acceptable")
    assert state() == before


IDS = [
    "%2F",
    "a%2Fb",
    "..",
    "%2E%2E",
    "a%00",
    "a%0A",
    "%0A",
    "%7F",
    "%1B%5B2J",
    "%E2%80%AEa",
    "%F0%9F%98%80",
    "%ED%A0%80",
    "%FF",
    "a b",
    "x" * 101,
    "x" * 5_000,
    "0",
    "-1",
    "+1",
    "1.0",
    "9" * 18,
    "9" * 19,
    "9" * 400,
    "%D9%A1",
]


NAMED = [row for row in READ + WRITE if AN_ID.search(row.path)]


@pytest.mark.parametrize("row", NAMED, ids=str)
def test_an_id_that_cannot_be_one_is_404(manager: APIClient, ids: dict[str, int], row: Row) -> None:
    before = state()
    for an_id in IDS:
        url = BASE + AN_ID.sub(an_id, row.path, count=1)
        response = manager.generic(row.method, url, json.dumps(row.body or {}), JSON)
        refused(response, 404)
    assert state() == before


def _fields(client: APIClient, row: Row, ids: dict[str, int]) -> list[str]:
    """The fields that the endpoint takes, as it says itself."""
    body = refused(_sent(client, row, ids, {"nonsense": 1}), 400, field="nonsense")
    known = re.search(r"Known are: (.*)\.$", body["errors"]["nonsense"][0])
    assert known is not None
    return [name for name in known[1].split(", ") if name != "none"]


def _sent(client: APIClient, row: Row, ids: dict[str, int], body: dict[str, Any]) -> HttpResponse:
    """The answer, and all as it was before; a refusal must have changed nothing itself."""
    with transaction.atomic():
        before = _changes()
        response = call(client, Row(row.method, row.path, row.may, row.ok, body), ids)
        if response.status_code >= 400:
            assert _changes() == before, (row.path, body)
        transaction.set_rollback(True)
    return response


def _changes() -> int:
    """Every change leaves its audit event."""
    return AuditEvent.objects.filter(is_refused=False).count()


def _raw(
    client: APIClient, row: Row, ids: dict[str, int], body: bytes, content_type: str = JSON
) -> HttpResponse:
    return client.generic(row.method, BASE + row.path.format(**ids), body, content_type)


def _names(response: HttpResponse, field: str) -> None:
    """The error names the field, or one of the trigger's that it does not go together with."""
    errors = refused(response, 400, "validation_error")["errors"]
    related = {field}
    if field in TRIGGER:
        related |= TRIGGER
    assert any(re.split(r"[.\[]", name)[0] in related for name in errors), (field, errors)
    assert len(response.content) < len(HUGE), field  # it does not send back what is too long
