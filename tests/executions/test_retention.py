from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from jobs.executions import retention
from jobs.executions.retention import BATCH, count_expired, delete_expired
from jobs.models import ExecutionLog, JobExecution, Source, Status
from tests.factories import make_execution, make_log_line

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)


def make_old(number: int) -> list[JobExecution]:
    return JobExecution.objects.bulk_create(
        JobExecution(
            job_id=f"job-{index}",
            job_name="Old",
            function="send_report",
            source=Source.SCHEDULE,
            status=Status.SUCCEEDED,
            scheduled_for=LONG_AGO,
            queued_at=LONG_AGO,
            finished_at=LONG_AGO + timedelta(seconds=index),
            released_at=LONG_AGO + timedelta(seconds=index),
        )
        for index in range(number)
    )


def make_lines(execution: JobExecution, number: int) -> None:
    lines = (
        ExecutionLog(execution=execution, at=LONG_AGO, level=20, message=str(index))
        for index in range(number)
    )
    ExecutionLog.objects.bulk_create(lines, batch_size=10_000)


class Counted:
    """Rows that each transaction deletes, as the database says."""

    def __init__(self) -> None:
        self.transactions: list[int] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SAVEPOINT"):
            self.transactions.append(0)
        elif sql.startswith("DELETE"):
            self.transactions[-1] += context["cursor"].rowcount
        return result


@contextmanager
def counted() -> Iterator[Counted]:
    """Within a test's own transaction each of the batches is a savepoint."""
    counter = Counted()
    with connection.execute_wrapper(counter):
        yield counter


def test_only_what_ended_before_is_deleted() -> None:
    kept = [
        make_execution("job", status=Status.RUNNING, queued_at=LONG_AGO, started_at=LONG_AGO),
        make_execution("job", status=Status.QUEUED, queued_at=LONG_AGO),
        make_execution("job", status=Status.TIMED_OUT, finished_at=LONG_AGO, released_at=None),
        make_execution("job", finished_at=NOW, released_at=NOW),
    ]
    for execution in kept:
        make_log_line(execution)
    for status in Status:
        if status not in (Status.QUEUED, Status.RUNNING):
            old = make_execution("job", status=status, finished_at=LONG_AGO, released_at=LONG_AGO)
            make_log_line(old)
    assert count_expired(NOW) == 7
    assert list(delete_expired(NOW)) == [(7, 7)]
    assert set(JobExecution.objects.all()) == set(kept)
    assert set(ExecutionLog.objects.values_list("execution_id", flat=True)) == {
        execution.pk for execution in kept
    }


def test_history_of_deleted_jobs_is_deleted_too() -> None:
    make_execution(None, finished_at=LONG_AGO, released_at=LONG_AGO)
    make_execution("gone", finished_at=LONG_AGO, released_at=LONG_AGO)
    assert list(delete_expired(NOW)) == [(2, 0)]


def test_no_transaction_deletes_more_rows_than_a_batch() -> None:
    """Pain 22."""
    made = make_old(BATCH + 1)
    make_lines(made[0], 3 * BATCH)
    for execution in made[1:100]:
        make_lines(execution, 30)
    with counted() as counter:
        told = list(delete_expired(NOW))
    assert max(counter.transactions) <= BATCH
    assert sum(counter.transactions) == sum(map(sum, told))
    assert [sum(column) for column in zip(*told, strict=True)] == [BATCH + 1, 3 * BATCH + 2970]
    assert not JobExecution.objects.exists()
    assert not ExecutionLog.objects.exists()


def test_an_execution_with_a_hundred_thousand_log_lines_goes_in_batches_and_goes_last() -> None:
    (execution,) = make_old(1)
    make_lines(execution, 100_000)
    with counted() as counter:
        for executions, lines in delete_expired(NOW):
            assert executions + lines <= BATCH
            is_there = JobExecution.objects.exists()
            assert is_there == (executions == 0), "its lines are never left without it"
    assert max(counter.transactions) <= BATCH
    assert sum(counter.transactions) == 100_001


def test_stopping_between_batches_keeps_what_was_deleted_and_leaves_no_orphans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    for execution in make_old(5):
        make_lines(execution, 3)
    batches = delete_expired(NOW)
    for _ in range(4):
        next(batches)
    batches.close()
    left = set(JobExecution.objects.values_list("pk", flat=True))
    with_lines = set(ExecutionLog.objects.values_list("execution_id", flat=True))
    assert 0 < len(left) < 5
    assert with_lines <= left
    list(delete_expired(NOW))
    assert not JobExecution.objects.exists()
    assert not ExecutionLog.objects.exists()


@pytest.mark.parametrize("lines", range(6))
def test_every_number_of_lines_around_a_batch_comes_to_its_end(
    lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    for execution in make_old(3):
        make_lines(execution, lines)
    told = list(delete_expired(NOW))
    assert all(sum(batch) <= 4 for batch in told)
    assert [sum(column) for column in zip(*told, strict=True)] == [3, 3 * lines]


def test_nothing_to_delete_is_nothing() -> None:
    assert count_expired(NOW) == 0
    assert list(delete_expired(NOW)) == []
