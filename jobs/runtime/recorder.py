"""What workers have to say, gathered for the loop to write in batches."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from jobs.executions.finish import (
    LogLine,
    Progress,
    Verdict,
    release,
    write_logs,
    write_progress,
    write_verdicts,
)

logger = logging.getLogger(__name__)

PROGRESS_INTERVAL_S = 0.5
"""Progress and log lines are written at most this often; verdicts at once."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A verdict, with what health and APScheduler's listeners are told besides."""

    verdict: Verdict
    is_scheduled: bool
    retval: Any = None
    exception: BaseException | None = None


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
        """Write what has come; the runs that were finished.

        Nothing is lost if that raises: it is tried again with the next flush.
        """
        finished = _drained(self._finished)
        released = _drained(self._released)
        details_due = finished or self.details_due_in == 0.0
        lines = _drained(self._lines) if details_due else []
        with self._lock:
            progress, kept = (self._progress, {}) if details_due else ({}, self._progress)
            self._progress = kept
        if not (finished or released or lines or progress):
            return []
        verdicts = [item.verdict for item in finished]
        try:
            try:
                self._write(owner, now, verdicts, released, lines, list(progress.values()))
            except OperationalError:
                raise
            except DatabaseError:  # one row's data is refused; save the others
                self._write_singly(owner, now, verdicts, released, lines, list(progress.values()))
        except BaseException:
            self._finished.extendleft(reversed(finished))
            self._released.extendleft(reversed(released))
            self._lines.extendleft(reversed(lines))
            with self._lock:
                self._progress = {**progress, **self._progress}
            raise
        if details_due:
            self._last_details = time.monotonic()
        return finished

    def _write(
        self,
        owner: str,
        now: datetime,
        verdicts: list[Verdict],
        released: list[int],
        lines: list[LogLine],
        progress: list[Progress],
    ) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            write_progress(cursor, owner, progress)
            write_logs(cursor, lines)
            write_verdicts(cursor, owner, verdicts)
            release(cursor, released, now)

    def _write_singly(
        self,
        owner: str,
        now: datetime,
        verdicts: list[Verdict],
        released: list[int],
        lines: list[LogLine],
        progress: list[Progress],
    ) -> None:
        for line in lines:
            self._try("log line", owner, now, [], [], [line], [])
        for item in progress:
            self._try("progress", owner, now, [], [], [], [item])
        for verdict in verdicts:
            problem = self._try("result", owner, now, [verdict], [], [], [])
            if problem is not None:
                plain = without_texts(verdict, problem)
                self._write(owner, now, [plain], [], [], [])
        self._write(owner, now, [], released, [], [])

    def _try(self, what: str, owner: str, now: datetime, *parts: Any) -> str | None:
        """None when it was written, else why the database refused it."""
        try:
            self._write(owner, now, *parts)
        except OperationalError:
            raise
        except DatabaseError as error:
            logger.exception(
                "The database refused what a run left behind",
                extra={"event": "recorder.refused", "what": what},
            )
            return str(error)
        return None


def without_texts(verdict: Verdict, problem: str) -> Verdict:
    """The verdict without what the task said, which the database would not take."""
    return Verdict(
        execution_id=verdict.execution_id,
        job_id=verdict.job_id,
        scheduled_for=verdict.scheduled_for,
        status=verdict.status,
        started_at=verdict.started_at,
        finished_at=verdict.finished_at,
        released_at=verdict.released_at,
        duration_s=verdict.duration_s,
        warning=f"What the run left behind could not be stored: {problem}"[:2000],
    )


def _drained(queue: deque[Any]) -> list[Any]:
    items = []
    while queue:
        items.append(queue.popleft())
    return items
