"""Reload and export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from django.conf import LazySettings
from rest_framework.test import APIClient

from jobs.models import Job
from tests.api.answers import refused, succeeded
from tests.api.conftest import BASE, Login
from tests.factories import grant, make_job, make_user

RELOAD = BASE + "jobs/reload"
EXPORT = BASE + "jobs/export"

FILE = """
default_tasks:
  - id: weekly
    name: Weekly
    function: send_report
    trigger_type: cron
    trigger_params: {hour: 3}
    enabled: true
    description: From the file
"""


@pytest.fixture(autouse=True)
def tasks_file(tmp_path: Path, settings: LazySettings) -> Path:
    path = tmp_path / "tasks.yaml"
    path.write_text(FILE)
    settings.SCHEDCORE = replace(settings.SCHEDCORE, tasks_file=path)
    return path


def test_reload_puts_the_jobs_as_the_file_has_them(manager: APIClient) -> None:
    make_job("custom")
    data = succeeded(manager.post(RELOAD))
    assert data["deleted"] == ["custom"]
    assert data["deleted_count"] == 1
    assert "weekly" in data["reloaded"]
    assert data["reloaded_count"] == len(data["reloaded"])
    assert "plan" in data
    assert Job.objects.get(pk="weekly").description == "From the file"
    assert not Job.objects.filter(pk="custom").exists()


def test_a_dry_run_changes_nothing(manager: APIClient) -> None:
    make_job("custom")
    data = succeeded(manager.post(RELOAD, {"dry_run": True}))
    assert data["deleted"] == ["custom"]
    assert [job.pk for job in Job.objects.all()] == ["custom"]


def test_custom_jobs_are_kept_when_asked(manager: APIClient) -> None:
    make_job("custom")
    assert succeeded(manager.post(RELOAD, {"keep_custom": True}))["deleted"] == []
    assert Job.objects.filter(pk="custom").exists()


def test_a_bad_file_is_refused_and_the_jobs_stay(manager: APIClient, tasks_file: Path) -> None:
    """Pain 23."""
    make_job("custom")
    tasks_file.write_text(FILE.replace("send_report", "no_such_task"))
    assert "no_such_task" in refused(manager.post(RELOAD), 400)["message"]
    assert [job.pk for job in Job.objects.all()] == ["custom"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dry_run": "no"}, "dry_run"),
        ({"keep_custom": 1}, "keep_custom"),
        ({"force": True}, "force"),
    ],
)
def test_bad_bodies_reload_nothing(manager: APIClient, body: dict[str, object], field: str) -> None:
    refused(manager.post(RELOAD, body), 400, "validation_error", field=field)
    assert not Job.objects.exists()


def test_reload_and_export_take_rights_on_all_jobs(operator: APIClient, login: Login) -> None:
    refused(operator.post(RELOAD), 403)
    user = make_user()
    grant(user, "manage_job", make_job("report"))
    refused(login(user).post(RELOAD), 403)
    refused(login(user).get(EXPORT), 403)


@pytest.mark.parametrize("accept", ["*/*", "application/yaml", "text/html"])
def test_export_is_the_file_of_what_stands(viewer: APIClient, accept: str) -> None:
    make_job("report", name="周报")
    response = viewer.get(EXPORT, headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/yaml; charset=utf-8"
    assert "周报" in response.content.decode()
    (item,) = yaml.safe_load(response.content)["default_tasks"]
    assert item["id"] == "report"


def test_errors_of_export_are_json(nobody: APIClient, viewer: APIClient) -> None:
    refused(nobody.get(EXPORT), 401)
    refused(viewer.get(EXPORT, {"as": "csv"}), 400, field="as")
    refused(viewer.post(EXPORT), 405)
