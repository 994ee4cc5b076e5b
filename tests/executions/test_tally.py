"""Tallies grow, and nothing that deletes history makes them smaller."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from jobs.control import execution as execution_control
from jobs.control import job as job_control
from jobs.executions.hand_out import give_back
from jobs.executions.tally import Counted, add, add_verdicts, fold_gone
from jobs.models import JobExecution, Source, Status, Tally
from tests.admin.conftest import _tasks as _tasks  # the tasks of these jobs
from tests.factories import ACTOR, make_execution, make_job

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def added(*counted: Counted) -> None:
    with connection.cursor() as cursor:
        add(cursor, counted)


def verdicts() -> dict[tuple[str, str], int]:
    rows = Tally.objects.filter(metric=Tally.VERDICT)
    return {(row.subject, row.label): row.count for row in rows}


def test_what_is_counted_adds_up() -> None:
    later = NOON + timedelta(hours=1)
    added(Counted("verdict", "a", "failed", 2, 0.0, later))
    added(
        Counted("verdict", "b", "failed", 1, 0.0, NOON),
        Counted("verdict", "a", "failed", 3, 0.0, NOON),
        Counted("duration", "a", "0.5", 4, 1.25, None),
    )
    added(Counted("duration", "a", "0.5", 1, 0.25, None))
    found = {(row.metric, row.subject): row for row in Tally.objects.all()}
    assert found["verdict", "a"].count == 5
    assert found["verdict", "a"].last_at == later
    assert found["verdict", "b"].count == 1
    assert (found["duration", "a"].count, found["duration", "a"].total) == (5, 1.5)
    assert found["duration", "a"].last_at is None


def test_nothing_to_count_is_no_statement() -> None:
    added()
    with connection.cursor() as cursor:
        add_verdicts(cursor, [])
    assert not Tally.objects.exists()


def test_rows_count_as_they_stand() -> None:
    ids = [
        make_execution("a").pk,
        make_execution("a", occurrence_count=4).pk,  # which became one run
        make_execution("a", status=Status.MISSED, occurrence_count=12).pk,
        make_execution("a", status=Status.RUNNING).pk,
        make_execution(None, status=Status.FAILED).pk,
    ]
    make_execution("a")  # which is not among them
    with connection.cursor() as cursor:
        add_verdicts(cursor, ids)
    assert verdicts() == {("a", "succeeded"): 2, ("a", "missed"): 12, ("", "failed"): 1}
    assert Tally.objects.get(label="missed").last_at is not None


def test_a_run_that_is_cancelled_while_it_waits_counts_at_once() -> None:
    make_job("nightly")
    execution_control.cancel(make_execution("nightly", status=Status.QUEUED).pk, actor=ACTOR)
    assert verdicts() == {("nightly", "cancelled"): 1}


def test_one_that_runs_counts_when_it_has_ended() -> None:
    make_job("nightly")
    execution_control.cancel(make_execution("nightly", status=Status.RUNNING).pk, actor=ACTOR)
    assert verdicts() == {}


def test_runs_that_are_withdrawn_count() -> None:
    make_job("nightly")
    make_execution("nightly", status=Status.QUEUED)
    make_execution("nightly", status=Status.QUEUED)
    make_execution("nightly", status=Status.QUEUED, source=Source.MANUAL)
    job_control.pause("nightly", actor=ACTOR)
    assert verdicts() == {("nightly", "cancelled"): 2}
    assert JobExecution.objects.filter(status=Status.CANCELLED).count() == 2


def test_runs_that_are_given_back_to_a_job_that_was_stopped_count() -> None:
    make_job("nightly", is_enabled=False)
    held = make_execution("nightly", status=Status.RUNNING)
    with transaction.atomic():
        assert give_back("one", [held.pk], now=NOON + timedelta(days=1)) == set()
    assert verdicts() == {("nightly", "cancelled"): 1}


def test_deleting_history_takes_nothing_away() -> None:
    run = make_execution("nightly")
    with connection.cursor() as cursor:
        add_verdicts(cursor, [run.pk])
    JobExecution.objects.all().delete()
    assert verdicts() == {("nightly", "succeeded"): 1}


def test_counting_begins_with_the_history_there_is() -> None:
    make_execution("a", occurrence_count=4)  # which became one run
    make_execution("a", finished_at=NOON, started_at=NOON)
    make_execution("b", status=Status.SKIPPED, occurrence_count=3)
    make_execution("b", status=Status.QUEUED)
    make_execution(None)
    migration: Any = importlib.import_module("jobs.migrations.0014_tally_history")
    migration.count_history(apps, SimpleNamespace(connection=connection))
    assert verdicts() == {("a", "succeeded"): 2, ("b", "skipped"): 3, ("", "succeeded"): 1}
    newest = JobExecution.objects.filter(job_id="a").order_by("-finished_at")[0]
    assert Tally.objects.get(subject="a").last_at == newest.finished_at


def test_counts_of_jobs_that_have_long_gone_are_put_together() -> None:
    make_job("here")
    old, new = NOON - timedelta(days=1), NOON + timedelta(days=1)
    added(
        Counted("verdict", "here", "failed", 1, 0.0, old),
        Counted("verdict", "gone", "failed", 2, 0.0, old),
        Counted("verdict", "gone", "succeeded", 3, 0.0, old),
        Counted("verdict", "gone-too", "failed", 4, 0.0, old),
        Counted("verdict", "just-gone", "failed", 5, 0.0, new),
        Counted("duration", "gone", "1", 6, 3.0, None),
    )
    assert [fold_gone(NOON, limit=2) for _each in range(3)] == [2, 1, 0]
    found = {key: number for key, number in verdicts().items() if number}
    assert found == {
        ("", "failed"): 6,
        ("", "succeeded"): 3,
        ("here", "failed"): 1,
        ("just-gone", "failed"): 5,
    }
    assert Tally.objects.get(metric="duration").count == 6
