"""Every path and every method of the API, as everybody: what the table says, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from jobs.estate.models import DatabaseInstance, PartitionPolicy
from jobs.models import AlertChannel, AlertRule, Job, JobExecution, JobUserPermission
from tests.api.answers import refused
from tests.api.conftest import BASE
from tests.rights.conftest import ClientOf
from tests.rights.table import METHODS, ROWS, TABLE, WHO, Row


def call(client: APIClient, row: Row, ids: dict[str, int], query: str = "") -> HttpResponse:
    url = BASE + row.path.format(**ids) + query
    body = json.dumps(row.body) if row.body is not None else ""
    return client.generic(row.method, url, body, content_type="application/json")


def state() -> list[Any]:
    rows = (Job, JobExecution, JobUserPermission, DatabaseInstance, PartitionPolicy)
    rows += (AlertChannel, AlertRule)
    return [list(model.objects.order_by("pk").values()) for model in rows]


def test_every_path_stands_in_the_table() -> None:
    assert {name for name in views() if name.startswith(("scheduler:", "estate:"))} - {
        "scheduler:home",  # pages, see tests/api/test_home.py and test_description.py
        "scheduler:docs",
    } == TABLE.keys()


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_everybody_gets_what_the_table_says(
    client_of: ClientOf, ids: dict[str, int], row: Row, who: str
) -> None:
    """Pains 29 and 32: rights down to one job, and one form of refusal."""
    client = client_of(who)
    before = state()
    response = call(client, row, ids)
    assert response.status_code == row.status_for(who), response.content
    if response.status_code in (401, 403, 404):
        refused(response, response.status_code)
        assert before == state()


@pytest.mark.parametrize("who", ["nobody", "no_right", "manager", "manage_token"])
@pytest.mark.parametrize("name", TABLE)
def test_a_method_that_stands_in_no_row_is_405(
    client_of: ClientOf, ids: dict[str, int], name: str, who: str
) -> None:
    client = client_of(who)
    rows = TABLE[name]
    for method in set(METHODS) - {row.method for row in rows}:
        response = call(client, Row(method, rows[0].path, ()), ids)
        if who == "nobody":
            refused(response, 401, "not_authenticated")
        else:
            refused(response, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.status_for("manager") not in (403, 404)], ids=str
)
def test_a_parameter_that_nobody_reads_is_refused(
    client_of: ClientOf, ids: dict[str, int], row: Row
) -> None:
    client = client_of("manager")
    before = state()
    refused(call(client, row, ids, "?nonsense=1"), 400, "validation_error", field="nonsense")
    assert before == state()


def views() -> dict[str, Any]:
    """The class of the view behind each name of the site."""
    return dict(_views(get_resolver(), ""))


def _views(resolver: URLResolver, space: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            found.append((f"{space}{pattern.name}", getattr(pattern.callback, "cls", None)))
        else:
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            found += _views(pattern, inner)
    return found
