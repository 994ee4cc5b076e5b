from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from jobs.models import LogLevel, Status
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE
from tests.factories import make_execution, make_log_line


def test_lines_are_followed_while_the_run_goes_on(viewer: APIClient) -> None:
    run = make_execution("a", status=Status.RUNNING)
    make_log_line(make_execution("b"), "another run's")
    path = f"{BASE}executions/{run.pk}/logs"
    first = make_log_line(run, "one")
    second = make_log_line(run, "two", level=LogLevel.WARNING)
    response = viewer.get(path)
    lines = succeeded(response)
    assert [line["message"] for line in lines] == ["one", "two"]
    assert [line["level"] for line in lines] == ["info", "warning"]
    meta = {"next_after": second.pk, "status": "running", "is_finished": False}
    assert response.json()["meta"] == meta
    assert [line["id"] for line in succeeded(viewer.get(path, {"after": first.pk}))] == [second.pk]
    nothing_new = viewer.get(path, {"after": second.pk})
    assert succeeded(nothing_new) == []
    assert nothing_new.json()["meta"] == meta


def test_limit_cuts(viewer: APIClient) -> None:
    run = make_execution("a")
    made = [make_log_line(run, str(number)).pk for number in range(3)]
    response = viewer.get(f"{BASE}executions/{run.pk}/logs", {"limit": 2})
    assert [line["id"] for line in succeeded(response)] == made[:2]
    assert response.json()["meta"]["next_after"] == made[1]
    assert response.json()["meta"]["is_finished"] is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("after", "-1"), ("after", "x"), ("after", str(2**63)), ("limit", "501"), ("before", "1")],
)
def test_a_bad_query_is_named(viewer: APIClient, name: str, value: str) -> None:
    path = f"{BASE}executions/{make_execution('a').pk}/logs"
    refused(viewer.get(path, {name: value}), 400, "validation_error", field=name)
