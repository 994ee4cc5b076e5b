"""The file of what stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from jobs import definitions
from jobs.control import job as control
from jobs.control.audit import Actor
from jobs.models import Job
from tests.definitions.conftest import item

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]


def test_an_export_loads_without_a_change(write: Write, actor: Actor) -> None:
    write(item("a"), item("b", more="enabled: false"))
    definitions.ensure(actor)
    base = {"function": "beep", "name": "备份: “x”\u2028 #1"}
    control.create(
        {
            **base,
            "id": "c",
            "description": "two\nlines \n\ttab",
            "trigger_type": "interval",
            "trigger_params": {"minutes": 90, "start_date": "2031-01-01", "jitter": 3},
            "timezone": "Europe/Berlin",
            "args": [],
            "kwargs": {"on": "yes", "n": 1.5, "at": "12:30", "none": None, "big": 10**30},
            "coalesce": False,
            "max_instances": 3,
            "misfire_grace_time": 0,
            "timeout": 60,
        },
        actor=actor,
    )
    control.create(
        {
            **base,
            "id": "1.5",
            "trigger_type": "cron",
            "trigger_params": {"cron_expression": "@daily"},
        },
        actor=actor,
    )
    control.create(
        {
            **base,
            "id": "no",
            "trigger_type": "date",
            "trigger_params": {"run_date": "2090-01-01T00:00:00"},
        },
        actor=actor,
    )
    Job.objects.filter(pk="no").update(trigger_params={"run_date": "2020-01-01T00:00:00+00:00"})
    standing = set(Job.objects.values_list("pk", flat=True))
    write(text=definitions.export())
    forced = definitions.plan_load(force=True)
    assert not forced.changes_jobs
    assert set(forced.unchanged) == standing
    plain = definitions.plan_load()
    assert not plain.changes_jobs
    assert not plain.kept
    before = definitions.export()
    definitions.reload(actor)
    assert definitions.export() == before


def test_an_export_reads_like_the_shipped_file(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    Job.objects.filter(pk="a").update(description="容量")
    text = definitions.export()
    assert text.startswith(
        """\
default_tasks:
  - id: a
    name: Nightly
    function: beep
    trigger_type: cron
    trigger_params:
      hour: 3
      minute: 0
    enabled: true
    description: 容量
  - id: calculate_database_size_aggregations
"""
    )
    assert list(yaml.safe_load(text)) == ["default_tasks"]


def test_a_broken_job_is_exported_with_a_comment(write: Write, actor: Actor) -> None:
    write(item("a"))
    definitions.ensure(actor)
    Job.objects.filter(pk="a").update(problem="No task\nof that name.")
    text = definitions.export()
    assert text.startswith("# “a” cannot run")
    assert "No task\\nof that name." in text.splitlines()[0]
    assert yaml.safe_load(text)["default_tasks"][0]["id"] == "a"
