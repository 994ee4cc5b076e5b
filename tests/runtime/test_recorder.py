"""What runs leave behind is written in batches, and is kept while it cannot be."""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from jobs.control import execution as execution_control
from jobs.executions.finish import LogLine, Progress, Verdict
from jobs.health.report import health
from jobs.models import ExecutionLog, Job, JobExecution, SchedulerProcess, Status
from jobs.runtime import lines as lines_module
from jobs.runtime import recorder as recorder_module
from jobs.runtime.recorder import Finished, Recorder
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import ACTOR, make_execution
from tests.waiting import until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db

postgresql_only = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite locks no single row"
)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(lambda: None)


def running(**fields: Any) -> JobExecution:
    return make_execution(status=Status.RUNNING, **fields)


def line(execution: JobExecution, message: str) -> LogLine:
    return LogLine(execution.pk, NOW, logging.INFO, "tests", message)


def end(execution: JobExecution, **fields: Any) -> Finished:
    given = {
        "execution_id": execution.pk,
        "job_id": execution.job_id,
        "scheduled_for": execution.scheduled_for,
        "status": Status.SUCCEEDED,
        "started_at": NOW,
        "finished_at": NOW,
        "released_at": NOW,
        "duration_s": 0.1,
    }
    return Finished(Verdict(**{**given, **fields}), is_scheduled=True)


def flush(recorder: Recorder) -> list[int]:
    """Write what is there, as if it were time for details; ids of the runs that ended."""
    recorder._last_details = 0.0
    return [finished.verdict.execution_id for finished in recorder.flush("one", NOW)]


def flush_all(recorder: Recorder) -> None:
    flush(recorder)
    while recorder.details_due_in is not None:
        flush(recorder)


def messages(execution: JobExecution) -> list[str]:
    return list(ExecutionLog.objects.filter(execution=execution).values_list("message", flat=True))


class Fault:
    """Raises an error instead of one of the recorder's writes, while it `is_on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, write: str, error: BaseException) -> None:
        self.is_on = True
        self.count = 0
        genuine = getattr(recorder_module, write)

        def write_or_raise(*args: Any) -> None:
            if self.is_on:
                self.count += 1
                raise error
            genuine(*args)

        monkeypatch.setattr(recorder_module, write, write_or_raise)


# -- Batches ------------------------------------------------------------------------------


def test_a_verdict_is_written_with_the_lines_and_the_progress_before_it(
    recorder: Recorder,
) -> None:
    row = running()
    recorder.log(line(row, "a line"))
    recorder.progress(Progress(row.pk, 3.0, 10.0, "third"))
    recorder.finish(end(row, result='{"rows": 3}'))
    assert flush(recorder) == [row.pk]
    row.refresh_from_db()
    assert (row.status, row.result) == (Status.SUCCEEDED, {"rows": 3})
    assert (row.progress_done, row.progress_message) == (3.0, "third")
    assert messages(row) == ["a line"]
    assert recorder.details_due_in is None


def test_progress_that_is_told_a_thousand_times_is_one_update(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = running()
    updates: list[Progress] = []
    genuine = recorder_module.write_progress

    def counting(cursor: Any, owner: str, rows: list[Progress]) -> None:
        updates.extend(rows)
        genuine(cursor, owner, rows)

    monkeypatch.setattr(recorder_module, "write_progress", counting)
    for number in range(1000):
        recorder.progress(Progress(row.pk, number, 1000.0, ""))
    flush(recorder)
    recorder.progress(Progress(row.pk, 1000.0, 1000.0, ""))
    recorder.flush("one", NOW)  # too early
    assert [update.done for update in updates] == [999]
    assert 0 < (recorder.details_due_in or 0) <= recorder_module.DETAILS_INTERVAL_S < 1


def test_a_flush_writes_so_many_lines_that_the_loop_is_not_held_up(recorder: Recorder) -> None:
    row = running()
    for number in range(2500):
        recorder.log(line(row, str(number)))
    flush(recorder)
    assert ExecutionLog.objects.count() == lines_module.LINES_AT_ONCE
    assert recorder.details_due_in == 0.0, "the rest at once"
    flush_all(recorder)
    assert messages(row) == [str(number) for number in range(2500)]


def test_a_flush_writes_so_many_bytes_that_one_statement_can(recorder: Recorder) -> None:
    row = running()
    for _number in range(100):
        recorder.log(line(row, "x" * 20_000))
    flush(recorder)
    assert 40 <= ExecutionLog.objects.count() <= 50
    flush_all(recorder)
    assert ExecutionLog.objects.count() == 100


# -- What the database refuses ------------------------------------------------------------

HALF_PAIR = "\ud800"
"""What `View` would not let through, and no database stores."""


def test_a_line_that_is_refused_is_left_out_and_all_others_are_kept(recorder: Recorder) -> None:
    row = running()
    for number in range(100):
        recorder.log(line(row, HALF_PAIR if number == 37 else str(number)))
    recorder.finish(end(row))
    assert flush(recorder) == [row.pk]
    assert messages(row) == [str(number) for number in range(100) if number != 37]
    assert recorder.details_due_in is None


def test_a_verdict_that_is_refused_is_written_without_what_the_task_said(
    recorder: Recorder,
) -> None:
    bad, good = running(), running()
    recorder.finish(end(bad, status=Status.FAILED, error=HALF_PAIR))
    recorder.finish(end(good, result="7"))
    assert flush(recorder) == [bad.pk, good.pk]
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, bad.error) == (Status.FAILED, "")
    assert "could not be stored" in bad.warning
    assert (good.status, good.result) == (Status.SUCCEEDED, 7)


def test_a_verdict_that_is_refused_in_any_form_is_kept_and_holds_nobody_up(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = running(), running()
    refused = {bad.pk}
    genuine = recorder_module.write_verdicts

    def refusing(cursor: Any, owner: str, verdicts: list[Verdict], now: datetime) -> None:
        if refused & {verdict.execution_id for verdict in verdicts}:
            raise IntegrityError("no such row")
        genuine(cursor, owner, verdicts, now)

    monkeypatch.setattr(recorder_module, "write_verdicts", refusing)
    recorder.finish(end(bad))
    recorder.finish(end(good))
    assert flush(recorder) == [good.pk]
    assert flush(recorder) == []
    refused.clear()
    assert flush(recorder) == [bad.pk]
    assert recorder.details_due_in is None


def test_lines_that_are_too_many_for_one_statement_are_written_in_parts(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = running()
    for number in range(100):
        recorder.log(line(row, str(number)))
    recorder.finish(end(row))
    too_slow = caused(OperationalError("slow"), psycopg.errors.QueryCanceled("statement timeout"))
    genuine = recorder_module.write_logs

    def slow(cursor: Any, lines: list[LogLine]) -> None:
        if len(lines) > 30:
            raise too_slow
        genuine(cursor, lines)

    monkeypatch.setattr(recorder_module, "write_logs", slow)
    assert flush(recorder) == [row.pk]
    assert messages(row) == [str(number) for number in range(100)]


# -- What the database does not take for now ----------------------------------------------


def caused(error: DatabaseError | InterfaceError, cause: Exception) -> Exception:
    """As Django raises it."""
    error.__cause__ = cause
    return error


PASSING = [
    caused(OperationalError("full"), psycopg.errors.DiskFull("could not extend file")),
    caused(OperationalError("gone"), psycopg.errors.AdminShutdown("terminating connection")),
    caused(OperationalError("broken"), psycopg.errors.IoError("could not read block")),
    caused(OperationalError("no memory"), psycopg.errors.OutOfMemory("out of memory")),
    caused(OperationalError("circle"), psycopg.errors.DeadlockDetected("deadlock detected")),
    caused(OperationalError("no answer"), psycopg.OperationalError("server closed")),
    caused(InternalError("read-only"), psycopg.errors.ReadOnlySqlTransaction("cannot execute")),
    caused(InternalError("aborted"), psycopg.errors.InFailedSqlTransaction("aborted")),
    caused(ProgrammingError("no right"), psycopg.errors.InsufficientPrivilege("denied")),
    caused(ProgrammingError("no table"), psycopg.errors.UndefinedTable("does not exist")),
    caused(InterfaceError("closed"), psycopg.InterfaceError("the connection is closed")),
    caused(OperationalError("full"), sqlite3.OperationalError("database or disk is full")),
    caused(OperationalError("locked"), sqlite3.OperationalError("database is locked")),
    caused(OperationalError("broken"), sqlite3.OperationalError("disk I/O error")),
    caused(OperationalError("read-only"), sqlite3.OperationalError("attempt to write a readonly")),
    caused(DatabaseError("malformed"), sqlite3.DatabaseError("database disk image is malformed")),
    caused(InterfaceError("closed"), sqlite3.InterfaceError("Cannot operate on a closed")),
]


@pytest.mark.parametrize("write", ["write_logs", "release"])
@pytest.mark.parametrize("error", PASSING, ids=lambda error: repr(error.__cause__)[:60])
def test_what_a_fault_of_the_database_holds_up_is_written_once_when_it_is_over(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, error: Exception, write: str
) -> None:
    row, lingering = running(), make_execution(released_at=None)
    recorder.log(line(row, "a line"))
    recorder.progress(Progress(row.pk, 3.0, None, ""))
    recorder.finish(end(row, result="7"))
    recorder.release(lingering.pk)
    fault = Fault(monkeypatch, write, error)
    for _attempt in range(3):
        with pytest.raises(type(error)):
            flush(recorder)
    assert fault.count == 3, "not one by one: it is not the data's fault"
    fault.is_on = False
    assert flush(recorder) == [row.pk]
    row.refresh_from_db()
    lingering.refresh_from_db()
    assert (row.status, row.result, row.progress_done) == (Status.SUCCEEDED, 7, 3.0)
    assert lingering.released_at is not None
    assert messages(row) == ["a line"]


def test_lines_that_were_written_one_by_one_are_not_written_again_after_a_fault(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = running()
    for text in ("a", HALF_PAIR, "b", "c"):
        recorder.log(line(row, text))
    genuine = recorder_module.write_logs
    failures = [OperationalError("away")]

    def failing(cursor: Any, lines: list[LogLine]) -> None:
        if [item.message for item in lines] == ["b"] and failures:
            raise failures.pop()
        genuine(cursor, lines)

    monkeypatch.setattr(recorder_module, "write_logs", failing)
    with pytest.raises(OperationalError):
        flush(recorder)
    flush(recorder)
    assert messages(row) == ["a", "b", "c"]


def test_progress_that_came_during_a_fault_is_the_one_that_is_written(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = running()
    recorder.progress(Progress(row.pk, 1.0, None, ""))
    genuine = recorder_module.write_progress
    failures = [OperationalError("away")]

    def failing(*args: Any) -> None:
        if failures:
            recorder.progress(Progress(row.pk, 2.0, None, ""))
            raise failures.pop()
        genuine(*args)

    monkeypatch.setattr(recorder_module, "write_progress", failing)
    with pytest.raises(OperationalError):
        flush(recorder)
    flush(recorder)
    row.refresh_from_db()
    assert row.progress_done == 2.0


@pytest.mark.parametrize(
    ("bound", "most"), [("MAX_LINES", 100), ("MAX_BYTES", 100 * (300 + sys.getsizeof("number 10")))]
)
def test_lines_beyond_the_bound_are_lost_and_their_runs_say_how_many(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(lines_module, bound, most)
    one, other, quiet = running(), running(), running()
    fault = Fault(monkeypatch, "write_logs", OperationalError("away"))
    recorder.log(line(quiet, "number 99"))
    for number in range(10, 120):
        recorder.log(line(one, f"number {number % 90 + 10}"))
        with pytest.raises(OperationalError):
            flush(recorder)
    recorder.log(line(other, "number 11"))
    recorder.finish(end(one))
    recorder.finish(end(other))
    fault.is_on = False
    flush_all(recorder)
    assert messages(quiet) == ["number 99"]
    assert len(messages(one)) == 99 + 1
    assert messages(one)[-1].startswith("11 lines are lost here")
    assert messages(other) == ["1 line is lost here: too many waited while the database took none."]
    statuses = JobExecution.objects.filter(pk__in=[one.pk, other.pk]).values_list("status")
    assert set(statuses) == {(Status.SUCCEEDED.value,)}, "verdicts are never dropped"
    recorder.log(line(one, "again"))
    flush_all(recorder)
    assert messages(one)[-1] == "again"


# -- Locked rows --------------------------------------------------------------------------


@postgresql_only
@pytest.mark.django_db(transaction=True)
def test_what_is_locked_waits_and_what_is_not_does_not(recorder: Recorder) -> None:
    held, lingering, free = running(), make_execution(released_at=None), running()
    recorder.finish(end(held))
    recorder.finish(end(free))
    recorder.log(line(held, "a line"))
    recorder.progress(Progress(held.pk, 1.0, None, ""))
    recorder.release(lingering.pk)
    locked, let_go = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic():
            list(JobExecution.objects.select_for_update().filter(pk__in=[held.pk, lingering.pk]))
            locked.set()
            let_go.wait(60)
        connection.close()

    locker = threading.Thread(target=lock)
    locker.start()
    try:
        assert locked.wait(10)
        assert flush(recorder) == [free.pk]
        assert messages(held) == ["a line"]
        assert recorder.details_due_in is not None
    finally:
        let_go.set()
        locker.join(10)
    assert flush(recorder) == [held.pk]
    held.refresh_from_db()
    lingering.refresh_from_db()
    assert held.progress_done == 1.0
    assert lingering.released_at is not None
    assert recorder.details_due_in is None


@postgresql_only
@pytest.mark.django_db(transaction=True)
def test_many_locked_rows_do_not_hold_up_the_loop(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lock after the other would be waited for, for as long as there are any."""
    monkeypatch.setattr(recorder_module, "SINGLY_LIMIT_S", 0.5)
    rows = [running() for _number in range(30)]
    for row in rows:
        recorder.finish(end(row))
    locked, let_go = threading.Event(), threading.Event()
    attempts: list[int] = []
    genuine = recorder_module.write_verdicts

    def counting(cursor: Any, owner: str, verdicts: list[Verdict], now: datetime) -> None:
        if verdicts:
            attempts.append(len(verdicts))
        genuine(cursor, owner, verdicts, now)

    monkeypatch.setattr(recorder_module, "write_verdicts", counting)

    def lock() -> None:
        with transaction.atomic():
            list(JobExecution.objects.select_for_update())
            locked.set()
            let_go.wait(60)
        connection.close()

    locker = threading.Thread(target=lock)
    locker.start()
    try:
        assert locked.wait(10)
        assert flush(recorder) == []
        assert 1 < len(attempts) < 10, "all at once, and then some of the thirty"
    finally:
        let_go.set()
        locker.join(10)
    assert sorted(flush(recorder)) == sorted(row.pk for row in rows)


# -- In a scheduler -----------------------------------------------------------------------

StartScheduler = Callable[..., SchedcoreScheduler]
MakeJob = Callable[..., Job]


def test_results_are_kept_while_the_disk_is_full_and_log_and_health_say_so(
    start_scheduler: StartScheduler,
    job: MakeJob,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def quick() -> int:
        return 7

    full = caused(
        OperationalError("database or disk is full"),
        sqlite3.OperationalError("database or disk is full"),
    )
    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    fault = Fault(monkeypatch, "write_logs", full)
    row = execution_control.run_now(job(quick).pk, actor=ACTOR)

    def fault_told() -> dict[str, Any]:
        """As of the last heartbeat."""
        found = SchedulerProcess.objects.get(stopped_at=None).figures.get("last_fault")
        return found or {"error": ""}

    until(lambda: "disk is full" in fault_told()["error"])
    assert "disk is full" in scheduler.faults.current
    assert any("disk is full" in str(record.__dict__.get("error")) for record in caplog.records)
    assert any("disk is full" in found["message"] for found in health(NOW)["warnings"])
    row.refresh_from_db()
    assert row.status == Status.RUNNING
    fault.is_on = False

    def ended() -> bool:
        row.refresh_from_db()
        return row.is_finished

    until(ended)
    assert (row.status, row.result) == (Status.SUCCEEDED, 7)
    until(lambda: fault_told()["until"])
