from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import jobs.sweep
from jobs.control import execution as control
from jobs.executions.retention import expired_audit_events, expired_executions
from jobs.models import AuditEvent, ExecutionLog, JobExecution, Source, Status
from jobs.pace import BATCH, Pace
from jobs.sweep import Counts, sweep
from tests.factories import ACTOR, make_execution, make_job, make_jobs, make_log_line
from tests.waiting import DEADLINE_S

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


def delete(
    *, most: int = BATCH, keep_last: int = 0, is_dry_run: bool = False
) -> Iterator[tuple[int, int]]:
    """Executions and log lines, batch by batch."""
    expired = expired_executions(NOW, keep_last=keep_last)
    for counts in sweep(expired, Pace(most), is_dry_run=is_dry_run):
        yield counts["executions"], counts["log_lines"]


def total(batches: Iterable[tuple[int, int]]) -> tuple[int, int]:
    executions, lines = zip(*batches, strict=True)
    return sum(executions), sum(lines)


def left() -> set[int]:
    return set(JobExecution.objects.values_list("pk", flat=True))


def ended(job_id: str | None = "job", *, at: datetime = LONG_AGO, **fields: Any) -> JobExecution:
    return make_execution(job_id, finished_at=at, released_at=at, **fields)


def test_only_what_ended_before_is_deleted() -> None:
    kept = [
        make_execution("job", status=Status.RUNNING, queued_at=LONG_AGO, started_at=LONG_AGO),
        make_execution("job", status=Status.QUEUED, queued_at=LONG_AGO),
        make_execution("job", status=Status.TIMED_OUT, finished_at=LONG_AGO, released_at=None),
        ended(at=NOW),
    ]
    for execution in kept:
        make_log_line(execution)
    for status in Status:
        if status not in (Status.QUEUED, Status.RUNNING):
            make_log_line(ended(status=status))
    assert list(delete()) == [(7, 7)]
    assert left() == {execution.pk for execution in kept}
    assert set(ExecutionLog.objects.values_list("execution_id", flat=True)) == left()


def test_history_of_deleted_jobs_is_deleted_too() -> None:
    ended(None)
    ended("gone")
    assert list(delete()) == [(2, 0)]


def test_the_oldest_go_first() -> None:
    first, second = ended(at=LONG_AGO + timedelta(days=1)), ended()
    pages = list(expired_executions(NOW).pages())
    assert pages == [[second.pk, first.pk]]


def test_the_last_of_each_job_are_kept_however_old_they_are() -> None:
    make_job("daily", function="work")
    make_job("yearly", function="work")
    daily = [ended("daily", at=LONG_AGO - timedelta(days=day)) for day in (3, 2, 1)]
    recent = ended("daily", at=NOW)
    yearly = ended("yearly")
    assert total(delete(keep_last=2)) == (2, 0)
    assert left() == {daily[-1].pk, recent.pk, yearly.pk}


def test_to_keep_the_last_keeps_nothing_of_jobs_that_there_are_not() -> None:
    make_job("there", function="work")
    kept = ended("there")
    ended("gone")
    ended(None)
    assert total(delete(keep_last=5)) == (2, 0)
    assert left() == {kept.pk}


def test_the_last_of_many_jobs_are_found_in_few_statements(
    django_assert_max_num_queries: Any,
) -> None:
    jobs = make_jobs(250)
    JobExecution.objects.update(finished_at=LONG_AGO, released_at=LONG_AGO)
    for job in jobs[:10]:
        ended(job.pk)
    with django_assert_max_num_queries(15):
        assert total(delete(keep_last=1)) == (10, 0)


@pytest.mark.parametrize("source", [Source.RETRY, Source.MANUAL])
def test_what_an_unfinished_retry_refers_to_is_kept_until_that_has_ended(source: Source) -> None:
    first = ended(status=Status.FAILED)
    again = make_execution("job", status=Status.QUEUED, source=source, retry_of=first)
    assert list(delete()) == []
    JobExecution.objects.filter(pk=again.pk).update(
        status=Status.SUCCEEDED, finished_at=LONG_AGO, released_at=LONG_AGO
    )
    assert total(delete()) == (2, 0)


def test_what_is_retried_between_the_look_and_the_deletion_is_kept() -> None:
    make_job("work", function="work")
    chosen, other = ended("work", status=Status.FAILED), ended("work")
    make_log_line(chosen)
    make_log_line(other)
    batches = delete(most=2)
    with connection.execute_wrapper(BeforeTheFirst("SAVEPOINT", lambda: retry(chosen))):
        assert next(batches) == (0, 0)
    assert total(batches) == (1, 1)
    assert chosen.pk in left()
    assert ExecutionLog.objects.get().execution_id == chosen.pk


class BeforeTheFirst:
    """Does something just before the first statement that begins so."""

    def __init__(self, start: str, do: Callable[[], object]) -> None:
        self._start, self._do = start, do
        self._is_done = False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not self._is_done and sql.startswith(self._start):
            self._is_done = True
            self._do()
        return execute(sql, params, many, context)


def retry(execution: JobExecution) -> None:
    control.retry(execution.pk, actor=ACTOR)


@pytest.mark.django_db(transaction=True)
def test_what_somebody_is_about_to_retry_is_passed_over() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    make_job("work", function="work")
    chosen, other = ended("work", status=Status.FAILED), ended("work")
    is_written, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                retry(chosen)
                is_written.set()
                may_commit.wait(DEADLINE_S)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert is_written.wait(DEADLINE_S)
        try:
            assert total(delete()) == (1, 0)
        finally:
            may_commit.set()
        writing.result(DEADLINE_S)
    assert chosen.pk in left()
    assert other.pk not in left()


def test_no_transaction_deletes_more_rows_than_a_batch() -> None:
    """Pain 22."""
    made = make_old(BATCH + 1)
    make_lines(made[0], 3 * BATCH)
    for execution in made[1:100]:
        make_lines(execution, 30)
    with counted() as counter:
        told = list(delete())
    assert max(counter.transactions) <= BATCH
    assert sum(counter.transactions) == sum(map(sum, told))
    assert total(told) == (BATCH + 1, 3 * BATCH + 2970)
    assert not JobExecution.objects.exists()
    assert not ExecutionLog.objects.exists()


def test_an_execution_with_a_hundred_thousand_log_lines_goes_in_batches_and_goes_last() -> None:
    (execution,) = make_old(1)
    make_lines(execution, 100_000)
    with counted() as counter:
        for executions, lines in delete():
            assert executions + lines <= BATCH
            is_there = JobExecution.objects.exists()
            assert is_there == (executions == 0), "its lines are never left without it"
    assert max(counter.transactions) <= BATCH
    assert sum(counter.transactions) == 100_001


def test_an_execution_goes_in_one_transaction_with_its_log_if_that_fits() -> None:
    for execution in make_old(6):
        make_lines(execution, 3)
    told = list(delete(most=8))
    assert told == [(2, 6), (2, 6), (2, 6)]


def test_stopping_between_batches_keeps_what_was_deleted_and_leaves_no_orphans() -> None:
    for execution in make_old(5):
        make_lines(execution, 4)
    batches = delete(most=4)
    for _ in range(4):
        next(batches)
    batches.close()  # type: ignore[attr-defined]
    with_lines = set(ExecutionLog.objects.values_list("execution_id", flat=True))
    assert 0 < len(left()) < 5
    assert with_lines <= left()
    list(delete())
    assert not JobExecution.objects.exists()
    assert not ExecutionLog.objects.exists()


@pytest.mark.parametrize("most", [1, 2, 4])
@pytest.mark.parametrize("lines", range(6))
def test_every_number_of_lines_around_a_batch_comes_to_its_end(lines: int, most: int) -> None:
    for execution in make_old(3):
        make_lines(execution, lines)
    counted_only = list(delete(most=most, is_dry_run=True))
    told = list(delete(most=most))
    assert counted_only == told
    assert all(sum(batch) <= most for batch in told)
    assert total(told) == (3, 3 * lines)


def test_a_dry_run_counts_what_would_go_and_deletes_nothing() -> None:
    make_job("work", function="work")
    for execution in make_old(7):
        make_lines(execution, 2)
    for _ in range(3):
        ended("work")
    with counted() as counter:
        assert total(delete(keep_last=1, is_dry_run=True)) == (9, 14)
    assert counter.transactions == []
    assert (JobExecution.objects.count(), ExecutionLog.objects.count()) == (10, 14)
    assert total(delete(keep_last=1)) == (9, 14)


def test_more_than_a_page_of_one_moment_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.sweep, "PAGE", 3)
    make_job("work", function="work")
    for _ in range(10):
        ended("work")
    pages = list(expired_executions(NOW, keep_last=4).pages())
    assert [len(page) for page in pages] == [3, 3, 0, 0]
    assert total(delete(keep_last=4)) == (6, 0)


def test_every_page_is_read_along_the_index_of_its_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs.sweep, "PAGE", 2)
    make_old(5)
    with CaptureQueriesContext(connection) as queries:
        assert [len(page) for page in expired_executions(NOW).pages()] == [2, 2, 1]
    pages = [query["sql"] for query in queries if "LIMIT 2" in query["sql"]]
    assert len(pages) == 4
    for statement in pages:
        assert "execution_finished_idx" in plan(statement)


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # as if the table were large
            cursor.execute(f"EXPLAIN {statement}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return "\n".join(str(row) for row in cursor.fetchall())


def test_nothing_to_delete_is_nothing() -> None:
    assert list(delete()) == []
    assert list(delete(is_dry_run=True)) == []


def test_audit_events_go_by_their_age() -> None:
    events = [AuditEvent.objects.create(at=at, actor="ana", via="api") for at in (LONG_AGO, NOW)]
    told: list[Counts] = list(sweep(expired_audit_events(NOW), Pace()))
    assert told == [{"audit_events": 1}]
    assert AuditEvent.objects.get() == events[1]
