"""What cannot be written in one batch is written one by one: how long that may take, and what is
told of it when it is broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper

from jobs.executions.fencing import bounded
from jobs.executions.finish import Progress, Verdict
from jobs.models import JobExecution, Status
from jobs.runtime import recorder as recorder_module
from jobs.runtime.recorder import Finished, Recorder
from tests.factories import make_execution

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(lambda: None)


def ended(recorder: Recorder) -> JobExecution:
    """A run whose verdict waits to be written."""
    row = make_execution(status=Status.RUNNING)
    verdict = Verdict(
        execution_id=row.pk,
        job_id="job",
        scheduled_for=row.scheduled_for,
        status=Status.SUCCEEDED,
        started_at=NOW,
        finished_at=NOW,
        released_at=NOW,
        duration_s=0.1,
    )
    recorder.finish(Finished(verdict, is_scheduled=True))
    return row


def told(recorder: Recorder) -> list[int]:
    """Ids of the runs of which a flush tells."""
    return [finished.verdict.execution_id for finished in recorder.flush("one", NOW)]


def is_locked() -> Exception:
    """As Django raises it."""
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = psycopg.errors.LockNotAvailable()
    return error


class Rows:
    """Stands before the recorder's verdicts: what is `locked` has to be waited for, and what is
    `broken` breaks the connection."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.locked: set[int] = set()
        self.broken: set[int] = set()
        self.written: list[int] = []
        self.limits: list[float] = []
        self.waited_s = 0.0
        self._write = recorder_module.write_verdicts
        monkeypatch.setattr(recorder_module, "write_verdicts", self._verdicts)
        monkeypatch.setattr(recorder_module, "bounded", self._bounded)

    @contextmanager
    def _bounded(self, limit_s: float) -> Iterator[CursorWrapper]:
        self.limits.append(limit_s)
        with bounded(limit_s) as cursor:
            yield cursor

    def _verdicts(
        self, cursor: CursorWrapper, owner: str, verdicts: list[Verdict], now: datetime
    ) -> None:
        ids = [verdict.execution_id for verdict in verdicts]
        if self.locked.intersection(ids):
            self.waited_s += self.limits[-1] / 2  # as the server lets it wait, at most
            raise is_locked()
        if self.broken.intersection(ids):
            raise OperationalError("server closed the connection unexpectedly")
        self._write(cursor, owner, verdicts, now)
        self.written += ids


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    return Rows(monkeypatch)


@pytest.mark.parametrize("ttl_s", [2.0, 5.0, 15.0])
def test_a_flush_of_locked_rows_is_over_before_others_take_this_process_for_dead(
    recorder: Recorder,
    rows: Rows,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    ttl_s: float,
) -> None:
    """No heart beats meanwhile. Time passes here only while a lock is waited for."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=ttl_s)

    class Time:
        monotonic = staticmethod(lambda: rows.waited_s)

    monkeypatch.setattr(recorder_module, "time", Time)
    rows.locked = {ended(recorder).pk for _number in range(30)}
    free = ended(recorder)
    recorder.progress(Progress(free.pk, 1.0, None, ""))
    recorder.release(make_execution(released_at=None).pk)
    told(recorder)
    assert set(rows.limits) == {min(2.0, ttl_s / 5)}
    assert rows.waited_s < ttl_s / 2
    rows.locked.clear()
    rows.waited_s = 0.0
    told(recorder)
    assert not JobExecution.objects.filter(status=Status.RUNNING).exists()


def test_what_was_written_one_by_one_before_a_fault_is_told_once_and_the_rest_is_written_later(
    recorder: Recorder, rows: Rows
) -> None:
    locked, written, broken, last = [ended(recorder) for _number in range(4)]
    rows.locked, rows.broken = {locked.pk}, {broken.pk}
    with pytest.raises(OperationalError, match="server closed"):
        told(recorder)
    assert rows.written == [written.pk]
    written.refresh_from_db()
    assert written.status == Status.SUCCEEDED
    rows.locked, rows.broken = set(), set()
    found = told(recorder) + told(recorder)
    assert sorted(found) == sorted(row.pk for row in (locked, written, broken, last))
    assert sorted(rows.written) == sorted(found), "nothing is written twice"
    assert not JobExecution.objects.filter(status=Status.RUNNING).exists()
    assert not recorder.has_anything
