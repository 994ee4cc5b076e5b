"""What issue 2 lists as bad input: a clear error that names the field, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from jobs.models import AuditEvent, Job, Revision
from tests.api.answers import refused
from tests.api.conftest import BASE
from tests.factories import make_builtin, make_job

REPORT = {
    "id": "report",
    "name": "Report",
    "function": "send_report",
    "trigger_type": "cron",
    "trigger_params": {"cron_expression": "0 3 * * *"},
}


def cron(expression: Any) -> dict[str, Any]:
    return {"trigger_type": "cron", "trigger_params": {"cron_expression": expression}}


def interval(**params: Any) -> dict[str, Any]:
    return {"trigger_type": "interval", "trigger_params": params}


def date(run_date: Any) -> dict[str, Any]:
    return {"trigger_type": "date", "trigger_params": {"run_date": run_date}}


TRIGGERS: list[tuple[dict[str, Any], str]] = [
    ({"trigger_type": "weekly"}, "trigger_type"),
    ({"trigger_type": None}, "trigger_type"),
    ({"trigger_type": 5}, "trigger_type"),
    ({"trigger_params": []}, "trigger_params"),
    ({"trigger_params": None}, "trigger_params"),
    ({"trigger_params": {}}, "trigger_params"),
    ({"trigger_params": {"hour": 24}}, "trigger_params.hour"),
    ({"trigger_params": {"minute": "-1"}}, "trigger_params.minute"),
    ({"trigger_params": {"hours": 1}}, "trigger_params.hours"),
    (cron(""), "trigger_params.cron_expression"),
    (cron("* * * *"), "trigger_params.cron_expression"),
    (cron("* * * * * * * *"), "trigger_params.cron_expression"),
    (cron("61 * * * *"), "trigger_params.cron_expression"),
    (cron("0 0 31 2 *"), "trigger_params.cron_expression"),
    (cron(None), "trigger_params.cron_expression"),
    (cron("x" * 10_000), "trigger_params.cron_expression"),
    (cron("0 3 * * *\x00"), "trigger_params.cron_expression"),
    (interval(), "trigger_params"),
    (interval(seconds=0), "trigger_params.seconds"),
    (interval(seconds=-5), "trigger_params.seconds"),
    (interval(hours="often"), "trigger_params.hours"),
    (interval(weeks=10**12), "trigger_params.weeks"),
    (interval(weeks=10**400), "trigger_params.weeks"),
    (interval(minutes=1.5), "trigger_params.minutes"),
    (date("2001-01-01T00:00:00+00:00"), "trigger_params.run_date"),
    (date("2001-01-01T00:00:00"), "trigger_params.run_date"),
    (date("0000-01-01"), "trigger_params.run_date"),
    (date("99999-01-01"), "trigger_params.run_date"),
    (date("9999-12-31T23:59:59-12:00"), "trigger_params.run_date"),
    (date("soon"), "trigger_params.run_date"),
    (date(20300101), "trigger_params.run_date"),
    ({"timezone": "Mars/Olympus"}, "timezone"),
    ({"timezone": "../../etc/passwd"}, "timezone"),
    ({"timezone": 5}, "timezone"),
]

OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"function": "no_such_task"}, "function"),
    ({"function": None}, "function"),
    ({"function": ["send_report"]}, "function"),
    ({"function": "os.system"}, "function"),
    ({"function": "a\x00b"}, "function"),
    ({"kwargs": {"recipent": "x"}}, "kwargs.recipent"),
    ({"kwargs": {"days": "seven"}}, "kwargs.days"),
    ({"kwargs": {"days": 1.5}}, "kwargs.days"),
    ({"kwargs": {"recipient": "a\x00b"}}, "kwargs"),
    ({"kwargs": []}, "kwargs"),
    ({"kwargs": None}, "kwargs"),
    ({"args": ["ops"]}, "args"),
    ({"args": {}}, "args"),
    ({"function": "strict_report", "args": ["ops"]}, "kwargs.days"),
    ({"function": "strict_report", "args": ["ops", 1, 2]}, "args"),
    ({"function": "strict_report", "args": ["a", 1], "kwargs": {"days": 1}}, "kwargs.days"),
    ({"kwargs": {"recipient": "x" * 70_000}}, "kwargs"),
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"name": 5}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\x00b"}, "name"),
    ({"description": None}, "description"),
    ({"description": "x" * 10_001}, "description"),
    ({"enabled": 1}, "enabled"),
    ({"enabled": None}, "enabled"),
    ({"coalesce": "true"}, "coalesce"),
    ({"max_instances": 0}, "max_instances"),
    ({"max_instances": 10**30}, "max_instances"),
    ({"max_instances": True}, "max_instances"),
    ({"misfire_grace_time": -1}, "misfire_grace_time"),
    ({"timeout": "60"}, "timeout"),
    ({"executor": "rockets"}, "executor"),
    ({"executor": None}, "executor"),
    ({"colour": "red"}, "colour"),
    ({"x" * 5000: 1}, "x" * 100),
    ({"version": 7}, "version"),
    ({"is_paused": True}, "is_paused"),
]

IDS = ["a/b", "a b", "x" * 101, "x" * 300, "", None, 5, "näme", "a\n", "a\x00", "%2F", "\u202ea"]


def unchanged() -> list[object]:
    return [
        list(Job.objects.values()),
        AuditEvent.objects.filter(is_refused=False).count(),
        list(Revision.objects.values()),
    ]


@pytest.mark.parametrize(("bad", "field"), TRIGGERS + OTHERS)
def test_bad_input_creates_nothing(manager: APIClient, bad: dict[str, Any], field: str) -> None:
    refused(manager.post(BASE + "jobs", {**REPORT, **bad}), 400, "validation_error", field)
    assert unchanged() == [[], 0, []]


@pytest.mark.parametrize("job_id", IDS)
def test_a_bad_id_creates_nothing(manager: APIClient, job_id: Any) -> None:
    refused(manager.post(BASE + "jobs", {**REPORT, "id": job_id}), 400, "validation_error", "id")
    assert unchanged() == [[], 0, []]


@pytest.mark.parametrize(("bad", "field"), TRIGGERS + OTHERS)
def test_bad_input_changes_nothing(manager: APIClient, bad: dict[str, Any], field: str) -> None:
    make_job("report")
    before = unchanged()
    refused(manager.patch(BASE + "jobs/report", bad), 400, "validation_error", field)
    assert unchanged() == before


@pytest.mark.parametrize(("bad", "field"), TRIGGERS)
def test_a_bad_trigger_leaves_a_built_in_job_as_it_is(
    manager: APIClient, bad: dict[str, Any], field: str
) -> None:
    make_builtin()
    before = unchanged()
    body = {"trigger_type": "cron", **bad}
    refused(manager.put(BASE + "jobs/cleanup_logs", body), 400, "validation_error", field)
    assert unchanged() == before


@pytest.mark.parametrize(
    ("flat", "field"),
    [
        ({"trigger_type": "cron", "cron_minute": "61"}, "cron_minute"),
        ({"trigger_type": "cron", "minute": "61"}, "minute"),
        ({"trigger_type": "cron", "minute": "1", "cron_minute": "2"}, "cron_minute"),
        ({"trigger_type": "cron", "cron_expression": "0 0 31 2 *"}, "cron_expression"),
        ({"trigger_type": "cron", "cron_expression": "0 3 * * *", "hour": 1}, "cron_expression"),
        ({"trigger_type": "interval", "seconds": 0}, "seconds"),
        ({"trigger_type": "interval", "hour": 1}, "hour"),
        ({"trigger_type": "date", "run_date": "soon"}, "run_date"),
        ({"trigger_type": "date", "weeks": 1, "run_date": "2090-01-01"}, "weeks"),
        ({"trigger_type": "cron", "minutes": 5}, "minutes"),
    ],
)
def test_a_flat_field_is_named_as_it_was_sent(
    manager: APIClient, flat: dict[str, Any], field: str
) -> None:
    body = {"name": "Report", "function": "send_report", **flat}
    refused(manager.post(BASE + "jobs/by-func", body), 400, "validation_error", field)
    assert unchanged() == [[], 0, []]
