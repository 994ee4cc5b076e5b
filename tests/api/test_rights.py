"""Every path and every method, as everybody: one table, in which nothing may be missing.

A cell is the status for a job, or an execution of a job, that is there. Methods that stand
in no row are 405 for whoever is logged in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import URLPattern
from rest_framework.test import APIClient

from jobs.api.urls import urlpatterns
from jobs.models import Job, JobExecution, Status
from tests.api.answers import refused
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_execution, make_job, make_user

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WHO = ("no_right", "viewer", "operator", "manager", "viewer_of_it", "operator_of_it", "of_another")


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    body: dict[str, Any] | None
    statuses: tuple[int, ...]


NEW = {
    "id": "new",
    "name": "New",
    "function": "send_report",
    "trigger_type": "interval",
    "seconds": 5,
}
VIEW_ALL = (403, 200, 200, 200, 403, 403, 403)
VIEW_ANY = (403, 200, 200, 200, 200, 200, 200)
VIEW = (404, 200, 200, 200, 200, 200, 404)
MANAGE = (404, 403, 403, 200, 403, 403, 404)


def only(ok: int, *, run: bool = False) -> tuple[int, ...]:
    """For one job: by who manages it, or `run`s it."""
    operator = ok if run else 403
    return (404, 403, operator, ok, 403, operator, 404)


def all_jobs(ok: int) -> tuple[int, ...]:
    return (403, 403, 403, ok, 403, 403, 403)


TABLE: dict[str, list[Row]] = {
    "jobs": [Row("GET", "jobs", None, VIEW_ANY), Row("POST", "jobs", NEW, all_jobs(201))],
    "job_by_function": [Row("POST", "jobs/by-func", NEW, all_jobs(201))],
    "job_reload": [Row("POST", "jobs/reload", {"dry_run": True}, all_jobs(200))],
    "job_export": [Row("GET", "jobs/export", None, VIEW_ALL)],
    "job": [
        Row("GET", "jobs/report", None, VIEW),
        Row("PUT", "jobs/report", {"trigger_type": "interval"}, (404, *[403] * 5, 404)),
        Row("PATCH", "jobs/report", {"name": "x"}, only(200)),
        Row("DELETE", "jobs/report", None, only(200)),
    ],
    "job_pause": [Row("POST", "jobs/report/pause", None, only(200))],
    "job_switch": [
        Row("POST", f"jobs/report/{action}", None, only(200))
        for action in ("enable", "disable", "resume")
    ],
    "job_run": [Row("POST", "jobs/report/run", None, only(202, run=True))],
    "executions": [Row("GET", "executions", None, VIEW_ANY)],
    "execution": [Row("GET", "executions/{id}", None, VIEW)],
    "execution_logs": [Row("GET", "executions/{id}/logs", None, VIEW)],
    "execution_cancel": [Row("POST", "executions/{id}/cancel", None, only(409, run=True))],
    "execution_retry": [Row("POST", "executions/{id}/retry", None, only(202, run=True))],
    "functions": [Row("GET", "functions", None, VIEW_ALL)],
    "health": [Row("GET", "health", None, VIEW_ALL)],
    "api_root": [Row(method, "", None, (404,) * 7) for method in METHODS],
    "unknown": [Row(method, "nope", None, (404,) * 7) for method in METHODS],
}
ROWS = [row for rows in TABLE.values() for row in rows]


@pytest.fixture
def execution(db: None) -> JobExecution:
    make_job("report")
    make_job("other")
    return make_execution("report", status=Status.FAILED)


def call(client: APIClient, row: Row, execution: JobExecution) -> Any:
    path = BASE + row.path.format(id=execution.pk)
    return getattr(client, row.method.lower())(path, row.body)


def log_in_as(who: str, login: Login) -> APIClient:
    match who.split("_"):
        case ["viewer"]:
            return login(make_user("view_job"))
        case ["operator"]:
            return login(make_user("run_job"))
        case ["manager"]:
            return login(make_user("manage_job"))
    user = make_user()
    if who == "viewer_of_it":
        grant(user, "view_job", Job.objects.get(pk="report"))
    if who == "operator_of_it":
        grant(user, "run_job", Job.objects.get(pk="report"))
    if who == "of_another":
        grant(user, "manage_job", Job.objects.get(pk="other"))
    return login(user)


def test_every_path_stands_in_the_table() -> None:
    names = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert names - {"home"} == TABLE.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_nobody_is_401_everywhere(nobody: APIClient, execution: JobExecution, row: Row) -> None:
    for method in METHODS:
        anyhow = Row(method, row.path, row.body, ())
        refused(call(nobody, anyhow, execution), 401, "not_authenticated")
    assert Job.objects.count() == 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
@pytest.mark.parametrize("who", WHO)
def test_everybody_may_what_the_table_says(
    login: Login, execution: JobExecution, who: str, row: Row
) -> None:
    before = JobExecution.objects.count(), list(Job.objects.values())
    response = call(log_in_as(who, login), row, execution)
    assert response.status_code == row.statuses[WHO.index(who)], response.content
    if response.status_code in (403, 404):
        refused(response, response.status_code)
        assert before == (JobExecution.objects.count(), list(Job.objects.values()))


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.statuses[WHO.index("manager")] not in (403, 404)],
    ids=lambda row: f"{row.method} {row.path}",
)
def test_a_parameter_that_nobody_reads_is_refused(
    manager: APIClient, execution: JobExecution, row: Row
) -> None:
    before = JobExecution.objects.count(), list(Job.objects.values())
    path = BASE + row.path.format(id=execution.pk) + "?nonsense=1"
    body = json.dumps(row.body or {})
    response = manager.generic(row.method, path, body, content_type="application/json")
    refused(response, 400, "validation_error", field="nonsense")
    assert before == (JobExecution.objects.count(), list(Job.objects.values()))


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("who", ["no_right", "manager"])
def test_a_method_that_stands_in_no_row_is_405(
    login: Login, execution: JobExecution, who: str, name: str
) -> None:
    client = log_in_as(who, login)
    have = {row.method for row in TABLE[name]}
    for method in set(METHODS) - have:
        row = Row(method, TABLE[name][0].path, None, ())
        refused(call(client, row, execution), 405, "method_not_allowed")
