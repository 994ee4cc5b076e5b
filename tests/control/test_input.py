"""Every kind of bad input: a sentence at the field, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.control import job as control
from jobs.errors import Invalid
from jobs.models import Job
from tests.factories import ACTOR, make_job

pytestmark = pytest.mark.django_db

NESTED: list[Any] = []
for _ in range(10_000):
    NESTED = [NESTED]

BAD = [
    ("function", {"function": "gone"}, "No task named “gone” is registered"),
    ("function", {"function": None}, "A job needs a function"),
    ("function", {"function": ["send_report"]}, "Name a registered task"),
    ("function", {"function": "a\x00b"}, "Name a registered task"),
    ("function", {"function": "\ud800"}, "Name a registered task"),
    ("function", {"function": "x" * 10_000_000}, "Name a registered task"),
    ("kwargs.nope", {"kwargs": {"nope": 1}}, "no such parameter"),
    ("kwargs.days", {"kwargs": {"days": "7"}}, "valid integer"),
    ("kwargs.until", {"kwargs": {"until": "soon"}}, "valid date"),
    ("args", {"args": [1]}, "at most 0 positional"),
    ("args", {"args": {"a": 1}}, "must be a list"),
    ("args", {"args": "abc"}, "must be a list"),
    ("kwargs", {"kwargs": [1]}, "must be an object"),
    ("kwargs", {"kwargs": None}, "must be an object"),
    ("kwargs", {"function": "take_anything", "kwargs": {1: 2}}, "must be texts"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": "a\x00b"}}, "cannot be stored"),
    ("kwargs", {"function": "take_anything", "kwargs": {"a\x00b": 1}}, "cannot be stored"),
    ("args", {"function": "take_anything", "args": ["\\\x00"]}, "cannot be stored"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": "\ud800"}}, "cannot be stored"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": "y" * 10_000_000}}, "65536 bytes"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": "ü" * 40_000}}, "65536 bytes"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": float("nan")}}, "must be JSON"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": NESTED}}, "must be JSON"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": {1}}}, "must be JSON"),
    ("kwargs", {"function": "take_anything", "kwargs": {"x": 10**5000}}, "must be JSON"),
    ("trigger_type", {"trigger_type": "hourly"}, "not a kind of trigger"),
    ("trigger_type", {"trigger_type": None}, "Choose a kind of trigger"),
    ("trigger_params", {"trigger_params": None}, "names and values"),
    ("trigger_params", {"trigger_params": []}, "names and values"),
    ("trigger_params.minute", {"trigger_params": {"minute": 60}}, "60"),
    ("trigger_params.nope", {"trigger_params": {"hour": 1, "nope": 2}}, "no parameter"),
    ("trigger_params.cron_expression", {"trigger_params": {"cron_expression": ""}}, "empty"),
    (
        "trigger_params.cron_expression",
        {"trigger_params": {"cron_expression": "* * * *"}},
        "4",
    ),
    (
        "trigger_params.cron_expression",
        {"trigger_params": {"cron_expression": "* * * * * * * *"}},
        "8",
    ),
    (
        "trigger_params.cron_expression",
        {"trigger_params": {"cron_expression": "61 * * * *"}},
        "61",
    ),
    (
        "trigger_params.cron_expression",
        {"trigger_params": {"cron_expression": "0 0 31 2 *"}},
        "never be due",
    ),
    (
        "trigger_params.hours",
        {"trigger_type": "interval", "trigger_params": {"hours": 0}},
        "zero",
    ),
    (
        "trigger_params.hours",
        {"trigger_type": "interval", "trigger_params": {"hours": -1}},
        "negative",
    ),
    (
        "trigger_params.hours",
        {"trigger_type": "interval", "trigger_params": {"hours": "soon"}},
        "whole number",
    ),
    (
        "trigger_params.weeks",
        {"trigger_type": "interval", "trigger_params": {"weeks": 10**12}},
        "larger",
    ),
    (
        "trigger_params.run_date",
        {"trigger_type": "date", "trigger_params": {"run_date": "2020-01-01"}},
        "has passed",
    ),
    (
        "trigger_params.run_date",
        {"trigger_type": "date", "trigger_params": {"run_date": "soon"}},
        "not a date",
    ),
    ("timezone", {"timezone": "Mars/Olympus"}, "not a time zone"),
    ("timezone", {"timezone": None}, "must be a text"),
    ("timezone", {"timezone": "\x00"}, "not a time zone"),
    ("nope", {"nope": 1}, "no such field"),
    ("is_paused", {"is_paused": True}, "no such field"),
    ("next_run_time", {"next_run_time": "2030-01-01"}, "no such field"),
    ("\\ud800\\x00", {"\ud800\x00": 1}, "no such field"),
    ("name", {"name": ""}, "needs a name"),
    ("name", {"name": "  "}, "needs a name"),
    ("name", {"name": None}, "needs a name"),
    ("name", {"name": 5}, "must be a text"),
    ("name", {"name": "x" * 201}, "At most 200"),
    ("name", {"name": "a\x00b"}, "cannot be stored"),
    ("name", {"name": "\udcff"}, "cannot be stored"),
    ("description", {"description": None}, "must be a text"),
    ("description", {"description": "x" * 10_001}, "At most 10000"),
    ("is_enabled", {"is_enabled": None}, "true or false"),
    ("is_enabled", {"is_enabled": "false"}, "true or false"),
    ("is_enabled", {"is_enabled": 1}, "true or false"),
    ("coalesce", {"coalesce": "yes"}, "true or false"),
    ("max_instances", {"max_instances": 0}, "from 1 to 1000"),
    ("max_instances", {"max_instances": True}, "whole number"),
    ("max_instances", {"max_instances": 10**5000}, "too large"),
    ("max_instances", {"max_instances": [10**5000]}, "too large"),
    ("max_instances", {"max_instances": NESTED}, "too large"),
    ("timeout", {"timeout": -1}, "whole number"),
    ("timeout", {"timeout": 2**40}, "whole number"),
    ("timeout", {"timeout": 1.5}, "whole number"),
    ("max_retries", {"max_retries": -1}, "from 0 to 100"),
    ("max_retries", {"max_retries": 101}, "from 0 to 100"),
    ("retry_delay", {"retry_delay": "soon"}, "whole number"),
    ("retry_backoff", {"retry_backoff": 0.5}, "from 1 to 10"),
    ("retry_backoff", {"retry_backoff": float("nan")}, "from 1 to 10"),
    ("retry_backoff", {"retry_backoff": 10**5000}, "too large"),
    ("retry_backoff", {"retry_backoff": True}, "from 1 to 10"),
    ("rerun_if_interrupted", {"rerun_if_interrupted": "yes"}, "true or false"),
    ("executor", {"executor": "celery"}, "processes, threads"),
    ("misfire_grace_time", {"misfire_grace_time": "60"}, "whole number"),
    ("executor", {"executor": "gpu"}, "no executor"),
    ("executor", {"executor": None}, "no executor"),
    ("executor", {"executor": []}, "no executor"),
]

BAD_IDS = [f"{field}-{number}" for number, (field, _, _) in enumerate(BAD)]

IDS = [
    "",
    None,
    5,
    ["a"],
    "a/b",
    "a b",
    "x" * 101,
    "x" * 300,
    "ü",
    "report\n",
    "\nreport",
    "a\x00b",
    "\ud800",
    ".",
    "..",
    "reload",
    "export",
    "by-func",
    10**5000,
]


@pytest.mark.parametrize(
    ("field", "fields", "words"), BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)]
)
def test_a_job_cannot_be_created_with(
    field: str, fields: dict[str, Any], words: str, nothing_changes: Any
) -> None:
    with nothing_changes(), pytest.raises(Invalid) as refused:
        make_job("job", **fields)
    assert list(refused.value.errors) == [field]
    assert words in refused.value.errors[field][0]
    refused.value.message.encode()
    assert len(refused.value.message) < 1000


@pytest.mark.parametrize(
    ("field", "fields", "words"), BAD, ids=[f"{b[0]}-{i}" for i, b in enumerate(BAD)]
)
def test_a_job_cannot_be_changed_to(
    field: str, fields: dict[str, Any], words: str, nothing_changes: Any
) -> None:
    make_job("job", max_instances=1)
    with nothing_changes(), pytest.raises(Invalid) as refused:
        control.change("job", fields, actor=ACTOR)
    assert list(refused.value.errors) == [field]
    assert words in refused.value.errors[field][0]


@pytest.mark.parametrize("job_id", IDS, ids=range(len(IDS)))
def test_an_id_that_cannot_stand_in_a_path_is_refused(job_id: Any, nothing_changes: Any) -> None:
    fields = {"name": "x", "function": "send_report", "trigger_type": "cron"}
    with nothing_changes(), pytest.raises(Invalid) as refused:
        control.create({**fields, "id": job_id, "trigger_params": {"hour": 3}}, actor=ACTOR)
    assert list(refused.value.errors) == ["id"]
    refused.value.message.encode()


def test_an_id_that_is_taken_is_refused(nothing_changes: Any) -> None:
    make_job("job")
    with nothing_changes(), pytest.raises(control.JobExists, match="choose another id") as refused:
        make_job("job")
    assert list(refused.value.errors) == ["id"]


def test_everything_that_is_wrong_is_said_at_once(nothing_changes: Any) -> None:
    with nothing_changes(), pytest.raises(Invalid) as refused:
        control.create({"id": "a/b", "nope": 1, "timeout": -1}, actor=ACTOR)
    assert set(refused.value.errors) == {
        "id",
        "nope",
        "timeout",
        "name",
        "function",
        "trigger_type",
        "trigger_params",
    }


def test_a_date_without_a_zone_is_meant_in_the_jobs_zone() -> None:
    make_job(
        trigger_type="date", trigger_params={"run_date": "2090-06-01T03:00"}, timezone="Asia/Tokyo"
    )
    assert Job.objects.get().trigger_params == {"run_date": "2090-06-01T03:00:00+09:00"}


def test_arguments_as_large_as_allowed_are_stored() -> None:
    text = "x" * (64 * 1024 - len('[[], {"x": ""}]'))
    job = make_job(function="take_anything", kwargs={"x": text})
    assert Job.objects.get(pk=job.pk).kwargs == {"x": text}
