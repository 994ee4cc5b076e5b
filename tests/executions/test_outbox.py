"""Verdicts are noted for alerts in the transaction that writes them, by one statement."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.executions.database import list_parameter
from jobs.executions.finish import Verdict
from jobs.executions.outbox import _insert, note_verdicts
from jobs.models import AlertEvent, AlertIncident, JobExecution, Kind, Source, Status
from jobs.runtime.recorder import Finished, Recorder
from tests.executions.conftest import NOW
from tests.factories import make_execution

pytestmark = pytest.mark.django_db


def note(*executions: JobExecution) -> list[tuple[str, str]]:
    """What was noted of them."""
    with connection.cursor() as cursor:
        note_verdicts(cursor, [execution.pk for execution in executions])
    return list(AlertEvent.objects.order_by("job_id", "at").values_list("job_id", "status"))


def make_incident(job_id: str, **fields: Any) -> AlertIncident:
    now = datetime.now(UTC)
    given = {"kind": Kind.FAILED, "rule_name": "r", "began_at": now, "last_at": now, **fields}
    return AlertIncident.objects.create(job_id=job_id, **given)


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.QUEUED, Status.RUNNING)])
def test_troubles_are_noted_and_other_verdicts_are_not(status: Status) -> None:
    noted = note(make_execution("a", status=status))
    troubles = {Status.FAILED, Status.TIMED_OUT, Status.INTERRUPTED, Status.MISSED}
    assert noted == ([("a", status.value)] if status in troubles else [])


def test_an_event_tells_which_execution_and_when() -> None:
    execution = make_execution("a", status=Status.FAILED)
    note(execution)
    event = AlertEvent.objects.get()
    assert (event.execution_id, event.at) == (execution.pk, execution.finished_at)


def test_an_attempt_that_is_tried_again_is_not_noted_and_the_last_one_is() -> None:
    first = make_execution("a", status=Status.FAILED)
    last = make_execution("a", status=Status.FAILED, source=Source.RETRY, retry_of=first, attempt=2)
    note(first, last)
    assert AlertEvent.objects.get().execution_id == last.pk


def test_what_somebody_runs_again_by_hand_was_noted_before() -> None:
    first = make_execution("a", status=Status.FAILED)
    make_execution("a", source=Source.MANUAL, retry_of=first)
    assert note(first) == [("a", "failed")]


def test_a_success_is_noted_only_if_something_is_wrong_with_its_job() -> None:
    make_incident("wrong")
    make_incident("over", closed_at=NOW)
    AlertEvent.objects.create(execution_id=1, job_id="unjudged", status="failed", at=NOW)
    jobs = ("well", "wrong", "over", "unjudged")
    noted = note(*(make_execution(job_id) for job_id in jobs))
    assert noted == [("unjudged", "failed"), ("unjudged", "succeeded"), ("wrong", "succeeded")]


def test_a_success_is_noted_if_its_job_failed_in_the_same_batch() -> None:
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    failed = make_execution("a", status=Status.FAILED, finished_at=earlier)
    noted = note(make_execution("a"), make_execution("b"), failed)
    assert noted == [("a", "failed"), ("a", "succeeded")]


def test_what_belongs_to_no_job_is_not_noted() -> None:
    assert note(make_execution(None, status=Status.FAILED)) == []


def test_any_number_of_verdicts_is_noted_by_one_statement() -> None:
    executions = [make_execution(f"job-{n}", status=Status.FAILED) for n in range(50)]
    with CaptureQueriesContext(connection) as queries:
        note(*executions)
    assert len(queries) == 2  # with that of the test itself
    assert AlertEvent.objects.count() == 50
    with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        note_verdicts(cursor, [])
    assert len(queries) == 0


@pytest.fixture
def running() -> JobExecution:
    return make_execution("a", status=Status.RUNNING)


def flushed(recorder: Recorder, execution: JobExecution) -> CaptureQueriesContext:
    verdict = Verdict(
        execution.pk,
        str(execution.job_id),
        execution.scheduled_for,
        Status.FAILED,
        started_at=NOW,
        finished_at=NOW,
        released_at=NOW,
        duration_s=1.0,
    )
    recorder.finish(Finished(verdict, is_scheduled=True))
    with CaptureQueriesContext(connection) as queries:
        recorder.flush(execution.owner, NOW)
    return queries


def test_the_recorder_notes_verdicts_only_while_there_are_rules(
    running: JobExecution,
) -> None:
    recorder = Recorder(lambda: None)
    without = flushed(recorder, running)
    assert not AlertEvent.objects.exists()
    recorder.notes_verdicts = True
    other = make_execution("b", status=Status.RUNNING)
    with_rules = flushed(recorder, other)
    assert AlertEvent.objects.get().execution_id == other.pk
    assert len(with_rules) == len(without) + 1


def test_no_verdict_no_event(running: JobExecution, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand in one transaction: what rolls one back takes the other with it."""
    recorder = Recorder(lambda: None)
    recorder.notes_verdicts = True

    def failing(*args: Any) -> None:
        assert AlertEvent.objects.exists()
        raise RuntimeError

    monkeypatch.setattr("jobs.runtime.recorder.release", failing)
    with pytest.raises(RuntimeError), transaction.atomic():
        flushed(recorder, running)
    assert not AlertEvent.objects.exists()
    running.refresh_from_db()
    assert running.status == Status.RUNNING


def test_a_claim_tells_which_rows_have_their_verdict_already(
    due_job: Callable[..., Any], claim: Callable[..., Any]
) -> None:
    due_job(NOW - timedelta(hours=1), misfire_grace_time=60, coalesce=True)
    claimed = claim()
    missed = JobExecution.objects.get(status=Status.MISSED)
    assert claimed.ended == [missed.pk]
    with connection.cursor() as cursor:
        note_verdicts(cursor, claimed.ended)
    assert AlertEvent.objects.get().status == Status.MISSED


def test_nothing_but_the_batch_is_read_of_the_history() -> None:
    """Pain 22: neither all failures nor all retries, which PostgreSQL would take for few."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite looks each row up in any case")
    for status in (Status.FAILED, Status.SUCCEEDED):
        first = make_execution("a", status=status)
        make_execution("a", status=status, source=Source.RETRY, retry_of=first, attempt=2)
    ids = list_parameter(list(range(1, 2000)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_jobexecution")
        cursor.execute(f"EXPLAIN {_insert()}", [ids])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("on jobs_jobexecution ") == 2  # the batch by its keys, and the look-up
    assert "retry_of_id = b.id" in plan
