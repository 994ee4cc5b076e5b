"""What workers have to say, gathered for the loop to write in batches."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from django.db import DatabaseError, InternalError, OperationalError

from jobs.executions.fencing import bounded
from jobs.executions.finish import (
    LogLine,
    Progress,
    Verdict,
    release,
    write_logs,
    write_progress,
    write_verdicts,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)

PROGRESS_INTERVAL_S = 0.5
"""Progress and log lines are written at most this often; verdicts at once."""

MAX_LINES = 1000
"""Log lines that one flush writes, so that a chatty task does not hold up the loop."""

LOCK_LIMIT_S = 2.0
"""How long a flush waits for a row that somebody else has locked, and the like."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A verdict, with what health and APScheduler's listeners are told besides."""

    verdict: Verdict
    is_scheduled: bool
    retval: Any = None
    exception: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes."""

    finished: list[Finished] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)


class Recorder:
    """Filled by worker threads, emptied by the loop's thread alone.

    While the database is away everything stays in memory: at most the runs that are handed
    out, their last progress, and the log lines that their caps allow.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._finished: deque[Finished] = deque()
        self._released: deque[int] = deque()
        self._lines: deque[LogLine] = deque()
        self._progress: dict[int, Progress] = {}
        self._last_details = 0.0

    def finish(self, finished: Finished) -> None:
        # No wake-up: the executor wakes the loop once the worker is free as well.
        self._finished.append(finished)

    def release(self, execution_id: int) -> None:
        """The thread of a run that got its verdict earlier has returned."""
        self._released.append(execution_id)

    def progress(self, progress: Progress) -> None:
        with self._lock:
            first = not self._progress
            self._progress[progress.execution_id] = progress
        if first:
            self._wake()

    def log(self, line: LogLine) -> None:
        first = not self._lines
        self._lines.append(line)
        if first:
            self._wake()

    @property
    def details_due_in(self) -> float | None:
        """Seconds until progress and log lines should be written; None if there are none."""
        if not self._progress and not self._lines:
            return None
        return max(self._last_details + PROGRESS_INTERVAL_S - time.monotonic(), 0.0)

    def flush(self, owner: str, now: datetime) -> list[Finished]:
        """Write what has come; the runs whose end is written.

        Nothing is lost if that raises: it is tried again with the next flush.
        """
        finished = _drained(self._finished)
        released = _drained(self._released)
        details_due = finished or self.details_due_in == 0.0
        lines = _drained(self._lines, most=MAX_LINES) if details_due else []
        with self._lock:
            progress, kept = (self._progress, {}) if details_due else ({}, self._progress)
            self._progress = kept
        if not (finished or released or lines or progress):
            return []
        batch = Batch(finished, released, lines, list(progress.values()))
        try:
            written = self._write_or_sort_out(owner, now, batch)
        except BaseException:
            self._finished.extendleft(reversed(finished))
            self._released.extendleft(reversed(released))
            self._lines.extendleft(reversed(lines))
            with self._lock:
                self._progress = {**progress, **self._progress}
            raise
        if details_due and not self._lines:
            self._last_details = time.monotonic()
        return written

    def _write_or_sort_out(self, owner: str, now: datetime, batch: Batch) -> list[Finished]:
        try:
            _write(owner, now, batch)
        except DatabaseError as error:
            if _is_away(error):
                raise
            return self._write_singly(owner, now, batch)
        return batch.finished

    def _write_singly(self, owner: str, now: datetime, batch: Batch) -> list[Finished]:
        """What of the batch can be written; one row's data or lock must not hold up the rest."""
        written = []
        for finished in batch.finished:
            try:
                _write(owner, now, Batch(finished=[finished]))
            except DatabaseError as error:
                if _is_away(error):
                    raise
                if _is_locked(error):
                    self._finished.append(finished)  # with the next flush
                    continue
                _write(owner, now, Batch(finished=[_refused(finished, error)]))
            written.append(finished)
        details = [Batch(lines=[line]) for line in batch.lines]
        details += [Batch(progress=[progress]) for progress in batch.progress]
        details += [Batch(released=[execution_id]) for execution_id in batch.released]
        for part in details:
            try:
                _write(owner, now, part)
            except DatabaseError as error:
                if _is_away(error):
                    raise
                if _is_locked(error):
                    self._released.extend(part.released)
                    continue
                logger.exception(
                    "The database refused what a run left behind",
                    extra={"event": "recorder.refused"},
                )
        return written


def _write(owner: str, now: datetime, batch: Batch) -> None:
    with bounded(LOCK_LIMIT_S) as cursor:
        write_progress(cursor, owner, batch.progress)
        write_logs(cursor, batch.lines)
        write_verdicts(cursor, owner, [item.verdict for item in batch.finished])
        release(cursor, batch.released, now)


def _is_locked(error: DatabaseError) -> bool:
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)


def _is_away(error: DatabaseError) -> bool:
    """Whether the fault is the database's, and not that of the data or of a locked row."""
    return isinstance(error, OperationalError | InternalError) and not _is_locked(error)


def _refused(finished: Finished, error: DatabaseError) -> Finished:
    """The end of a run without what the task said, which the database would not take."""
    logger.error(
        "The database refused the result of a run",
        extra={
            "event": "recorder.refused",
            "execution_id": finished.verdict.execution_id,
            "error": str(error),
        },
    )
    warning = f"What the run left behind could not be stored: {error}"[:2000]
    plain = replace(
        finished.verdict, result=None, reason="", error="", traceback="", warning=warning
    )
    return replace(finished, verdict=plain)


def _drained(queue: deque[T], *, most: int | None = None) -> list[T]:
    items: list[T] = []
    while queue and (most is None or len(items) < most):
        items.append(queue.popleft())
    return items
