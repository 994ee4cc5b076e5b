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
from django.db import DatabaseError, DataError, IntegrityError
from django.db.backends.utils import CursorWrapper
from django.utils.translation import ngettext

from jobs.conf import conf
from jobs.executions.database import is_postgresql
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
from jobs.executions.outbox import note_verdicts
from jobs.models.execution import Status
from jobs.runtime.lines import Lines
from jobs.runtime.view import storable

T = TypeVar("T")

logger = logging.getLogger(__name__)

DETAILS_INTERVAL_S = 0.5
"""Progress and log lines are written at most this often; verdicts at once."""

LIMIT_S = 2.0
"""How long a statement of a flush may take, and for half of that wait for a locked row."""

SINGLE_LOCK_LIMIT_S = 0.2
SINGLY_LIMIT_S = 4.0
"""Written one by one, because of one that is locked: for each, and for all of them."""

PER_TTL = 5
"""None of these is longer than a fifth of a TTL: no heart beats meanwhile."""

REFUSALS = (DataError, IntegrityError, ValueError, TypeError, OverflowError)
"""Faults of what is to be written. All others are the database's, and may pass: it is away,
full, read-only, busy, being migrated."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A verdict, with what health and APScheduler's listeners are told besides."""

    verdict: Verdict
    is_scheduled: bool
    function: str = ""
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

    While the database does not take it, everything stays in memory: the verdicts and the last
    progress of the runs that are handed out, and log lines up to the bound in `lines`.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._finished: deque[Finished] = deque()
        self._has_others = False
        """Of these, some may be more than a success to be written."""
        self._released: deque[int] = deque()
        self._lines = Lines()
        self._progress: dict[int, Progress] = {}
        self._written: list[Finished] = []
        """Of which `flush` is yet to tell."""
        self._last_details = 0.0
        self._is_closed = False
        self.notes_verdicts = False
        """Whether there are rules that alert, for which verdicts are noted."""

    def finish(self, finished: Finished) -> None:
        # No wake-up: the executor wakes the loop once the worker is free as well.
        if finished.verdict.status != Status.SUCCEEDED:
            self._has_others = True
        self._finished.append(finished)

    def release(self, execution_id: int) -> None:
        """The thread of a run that got its verdict earlier has returned."""
        self._released.append(execution_id)

    def close(self) -> None:
        """Take no more lines and no progress: the runs that go on are about to be interrupted."""
        self._is_closed = True

    @property
    def has_anything(self) -> bool:
        return bool(self._finished or self._released or self._lines or self._progress)

    @property
    def has_lines(self) -> bool:
        return bool(self._lines)

    @property
    def has_released(self) -> bool:
        return bool(self._released)

    def unwritten(self) -> list[int]:
        """Execution ids of the runs that have ended and whose verdict is not written yet."""
        return [finished.verdict.execution_id for finished in self._finished.copy()]

    def progress(self, progress: Progress) -> None:
        if self._is_closed:
            return
        with self._lock:
            first = not self._progress
            self._progress[progress.execution_id] = progress
        if first:
            self._wake()

    def log(self, line: LogLine) -> None:
        if not self._is_closed and self._lines.put(line):
            self._wake()

    @property
    def details_due_in(self) -> float | None:
        """Seconds until what has come should be written; None if there is nothing."""
        if not (self._progress or self._lines or self._finished or self._released):
            return None
        return max(self._last_details + DETAILS_INTERVAL_S - time.monotonic(), 0.0)

    @property
    def is_plain(self) -> bool:
        """What waits is nothing but successes, which one statement writes."""
        return not (self._has_others or self._lines or self._progress or self._released)

    def take_plain(self) -> list[Finished]:
        """What has finished, if it `is_plain`. The caller writes it, or gives it back."""
        if not self.is_plain:
            return []
        finished = _drained(self._finished)
        if all(item.verdict.status == Status.SUCCEEDED for item in finished):
            return finished
        self.give_back(finished)  # another kind came meanwhile
        return []

    def give_back(self, finished: list[Finished]) -> None:
        """For the next `flush`."""
        self._finished.extendleft(reversed(finished))
        self._has_others = self._has_others or bool(finished)

    def note(self, cursor: CursorWrapper, execution_ids: list[int]) -> None:
        """For alerts, in the transaction of their verdicts."""
        if self.notes_verdicts:
            note_verdicts(cursor, execution_ids)

    def flush(self, owner: str, now: datetime, *, is_last: bool = False) -> list[Finished]:
        """Write what has come; the runs whose end is written.

        Log lines and progress when it is time to, or if it `is_last`; not more lines than one
        statement takes. Nothing is lost if that raises: it is tried again with the next flush.
        """
        self._has_others = False
        finished = _drained(self._finished)
        released = _drained(self._released)
        are_details_due = bool(finished) or self.details_due_in == 0.0 or is_last
        lines = self._lines.take() if are_details_due else []
        lost = self._lines.take_lost() if are_details_due else {}
        lines += [_note(execution_id, count, now) for execution_id, count in lost.items()]
        with self._lock:
            progress, kept = (self._progress, {}) if are_details_due else ({}, self._progress)
            self._progress = kept
        if not (finished or released or lines or progress):
            return self._told()
        batch = Batch(finished, released, lines, list(progress.values()))
        try:
            self._write_or_sort_out(owner, now, batch)
        except BaseException:
            self.give_back(batch.finished)
            self._released.extendleft(reversed(released))
            self._lines.give_back(batch.lines, lost)
            self._put_back(batch.progress)
            raise
        if lost:
            logger.warning(
                "Log lines of runs were lost: the database took none for too long",
                extra={"event": "recorder.lost", "lines": sum(lost.values()), "runs": len(lost)},
            )
        if are_details_due and not self._lines:
            self._last_details = time.monotonic()
        return self._told()

    def _told(self) -> list[Finished]:
        written, self._written = self._written, []
        return written

    def _write_or_sort_out(self, owner: str, now: datetime, batch: Batch) -> None:
        try:
            self._write(owner, now, batch)
        except (DatabaseError, *REFUSALS) as error:
            if not (_is_refused(error) or _is_locked(error) or _is_slow(error)):
                raise
            self._write_singly(owner, now, batch)
        else:
            self._written += batch.finished

    def _write_singly(self, owner: str, now: datetime, batch: Batch) -> None:
        """What of the batch can be written; one row's data or lock must not hold up the rest.

        What is locked waits for the next flush, behind all others.
        """
        end = time.monotonic() + _limited(SINGLY_LIMIT_S)
        while batch.finished:
            finished = batch.finished[0]
            if time.monotonic() < end and self._write_end(owner, now, finished):
                self._written.append(finished)
            else:
                self.finish(finished)
                self._has_others = True  # not with a tick, which would wait for its lock
            del batch.finished[0]
        self._write_lines(owner, now, batch.lines)
        for progress in batch.progress:
            is_over = time.monotonic() >= end
            if is_over or not self._try_to_write(owner, now, Batch(progress=[progress])):
                self._put_back([progress])
        for execution_id in batch.released:
            is_over = time.monotonic() >= end
            if is_over or not self._try_to_write(owner, now, Batch(released=[execution_id])):
                self._released.append(execution_id)

    def _write_end(self, owner: str, now: datetime, finished: Finished) -> bool:
        """False if it has to wait. A verdict that is refused is written without its texts."""
        try:
            self._write(owner, now, Batch(finished=[finished]), is_single=True)
        except (DatabaseError, *REFUSALS) as error:
            if _is_locked(error):
                return False
            if not _is_refused(error):
                raise
            return self._try_to_write(owner, now, Batch(finished=[_refused(finished, error)]))
        return True

    def _write_lines(self, owner: str, now: datetime, lines: list[LogLine]) -> None:
        """Empty `lines`, from the front, in parts that get smaller where one is refused."""
        size = len(lines)
        while lines:
            part = lines[:size]
            try:
                self._write(owner, now, Batch(lines=part))
            except (DatabaseError, *REFUSALS) as error:
                if not (_is_refused(error) or _is_slow(error)) or (size == 1 and _is_slow(error)):
                    raise
                if size > 1:
                    size = (size + 1) // 2
                    continue
                _tell_refused(error, part[0].execution_id)
            del lines[: len(part)]

    def _write(self, owner: str, now: datetime, batch: Batch, *, is_single: bool = False) -> None:
        limit_s = _limited(LIMIT_S)
        with bounded(limit_s) as cursor:
            if is_single and limit_s / 2 > SINGLE_LOCK_LIMIT_S and is_postgresql():
                limit = str(int(SINGLE_LOCK_LIMIT_S * 1000))
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [limit])
            write_progress(cursor, owner, batch.progress)
            write_logs(cursor, batch.lines)
            write_verdicts(cursor, owner, [item.verdict for item in batch.finished], now)
            self.note(cursor, [item.verdict.execution_id for item in batch.finished])
            release(cursor, batch.released, now)

    def _try_to_write(self, owner: str, now: datetime, batch: Batch) -> bool:
        """False if it has to wait, for a lock or because it is a verdict; what else is refused,
        is told and forgotten."""
        try:
            self._write(owner, now, batch, is_single=True)
        except (DatabaseError, *REFUSALS) as error:
            if _is_locked(error):
                return False
            if not _is_refused(error):
                raise
            ids = [finished.verdict.execution_id for finished in batch.finished]
            ids += [*(progress.execution_id for progress in batch.progress), *batch.released]
            _tell_refused(error, *ids)
            return not batch.finished
        return True

    def _put_back(self, progress: list[Progress]) -> None:
        """Unless the run has come further meanwhile."""
        with self._lock:
            for item in progress:
                self._progress.setdefault(item.execution_id, item)


def _limited(limit_s: float) -> float:
    return min(limit_s, conf().lease_ttl_s / PER_TTL)


def _is_refused(error: Exception) -> bool:
    return isinstance(error, REFUSALS)


def _is_locked(error: Exception) -> bool:
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)


def _is_slow(error: Exception) -> bool:
    """Too much for one statement, perhaps."""
    return isinstance(error.__cause__, psycopg.errors.QueryCanceled)


def _refused(finished: Finished, error: Exception) -> Finished:
    """The end of a run without what the task said, which the database would not take."""
    _tell_refused(error, finished.verdict.execution_id)
    warning = storable(f"What the run left behind could not be stored: {error}"[:2000])
    plain = replace(
        finished.verdict, result=None, reason="", error="", traceback="", warning=warning
    )
    return replace(finished, verdict=plain)


def _tell_refused(error: Exception, *execution_ids: int) -> None:
    logger.error(
        "The database refused what a run left behind",
        extra={
            "event": "recorder.refused",
            "execution_ids": list(execution_ids),
            "error": str(error),
        },
    )


def _note(execution_id: int, count: int, now: datetime) -> LogLine:
    """What a run's log says instead of lines that were lost."""
    text = ngettext(
        "%(count)d line is lost here: too many waited while the database took none.",
        "%(count)d lines are lost here: too many waited while the database took none.",
        count,
    )
    return LogLine(execution_id, now, logging.WARNING, "", text % {"count": count})


def _drained(queue: deque[T]) -> list[T]:
    items: list[T] = []
    while queue:
        items.append(queue.popleft())
    return items
