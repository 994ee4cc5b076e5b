"""One run of one task: what it sees, and what its verdict is."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import close_old_connections, connections, reset_queries
from django.utils.translation import gettext as _

from jobs.executions.finish import LogLine, Progress, Verdict
from jobs.executions.hand_out import Handout
from jobs.models.execution import Source, Status
from jobs.registry import CurrentExecution, StopRun, current_execution, executing, get_task
from jobs.runtime.clock import Clock
from jobs.runtime.recorder import Finished, Recorder

logger = logging.getLogger(__name__)

MAX_RESULT_BYTES = 64 * 1024
MAX_TEXT = 20_000
MAX_LOG_LINES = 10_000
MAX_LOG_CHARACTERS = 1_000_000
MAX_WARNINGS = 100

CANCEL_GRACE_S = 10.0
"""A cancelled run that does not `check()` gets its verdict after that many seconds."""


class Run(CurrentExecution):
    """A handed-out execution: the task's view of it, and the loop's means to end it."""

    def __init__(self, handout: Handout, recorder: Recorder, clock: Clock) -> None:
        self.handout = handout
        self.id = handout.execution_id
        self.job_id = handout.job_id
        self.scheduled_for = handout.scheduled_for
        self.attempt = handout.attempt
        self.epoch = handout.epoch
        self.source = handout.source
        self.requested_by = handout.requested_by
        self.started: float | None = None
        self.deadline: float | None = None
        self._recorder = recorder
        self._clock = clock
        self._ending: tuple[Status, str] | None = None
        self._is_settled = False
        self._lock = threading.Lock()
        self._warnings: list[str] = []
        self._lines = 0
        self._characters = 0
        self.handed_over = time.monotonic()

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.check()
        done, total = float(done), None if total is None else float(total)
        text = storable(str(message))[:500]
        self._recorder.progress(Progress(self.handout.execution_id, done, total, text))

    def check(self) -> None:
        if self._ending is None and self._is_overdue():
            self._ending = (Status.TIMED_OUT, self._timeout_reason())
        if self._ending is not None:
            raise StopRun(self._ending[1])

    def warn(self, message: str) -> None:
        text = storable(str(message))
        if len(self._warnings) < MAX_WARNINGS:
            self._warnings.append(text[:MAX_TEXT])
        self.log(logging.WARNING, "", text)

    def log(self, level: int, name: str, message: str) -> None:
        """Keep a line of the run's log, up to a number of lines and of characters."""
        if self._is_log_full:
            return
        message = storable(message)[:MAX_TEXT]
        self._lines += 1
        self._characters += len(message)
        if self._is_log_full:
            level, message = logging.WARNING, _("The log is cut here: it is too long.")
        self._recorder.log(
            LogLine(
                self.handout.execution_id,
                self._clock.now(),
                min(max(level // 10 * 10, 10), 50),
                storable(name)[:200],
                message,
            )
        )

    @property
    def _is_log_full(self) -> bool:
        return self._lines >= MAX_LOG_LINES or self._characters >= MAX_LOG_CHARACTERS

    def ask_to_cancel(self, who: str, *, grace_s: float) -> None:
        """Make the task's next `check()` raise; its verdict comes after `grace_s` at the latest."""
        if self._ending is None:
            self._ending = (Status.CANCELLED, _("Cancelled by %(who)s.") % {"who": who})
            self.deadline = time.monotonic() + grace_s

    @property
    def open_deadline(self) -> float | None:
        """When (monotonic) the loop has to end it, unless it ends before; None if never."""
        return None if self._is_settled else self.deadline

    def finish_overdue(self) -> Finished | None:
        """The end of a run that is past its deadline and has none; it keeps its slot."""
        if self.deadline is None or time.monotonic() < self.deadline or not self._settle():
            return None
        if self._ending is None:
            self._ending = (Status.TIMED_OUT, self._timeout_reason())
        status, reason = self._ending
        reason += " " + _("Its thread has not returned yet, and keeps its slot until it does.")
        return self._finished(self._verdict(status, released=False, reason=reason))

    def start(self) -> None:
        self.started = time.monotonic()
        if self.handout.timeout_s and self.deadline is None:
            self.deadline = self.started + self.handout.timeout_s

    def execute(self) -> None:
        """Run the task in this thread to its end, and hand the verdict to the recorder."""
        try:
            reset_queries()
            close_old_connections()
            finished = self._execute()
        except BaseException as error:  # not the task's, but a verdict all the same
            finished = self._failed(error)
        if self._settle():
            self._recorder.finish(finished)
        else:
            self._recorder.release(self.handout.execution_id)
        _give_back_connections()

    def _execute(self) -> Finished:
        handout = self.handout
        try:
            with executing(self):
                self.check()
                result = get_task(handout.function).call(handout.args, handout.kwargs)
        except StopRun as stop:
            status, reason = self._ending or (Status.FAILED, str(stop))
            return self._finished(self._verdict(status, reason=reason), exception=stop)
        except BaseException as error:  # a task may raise anything, SystemExit included
            return self._failed(error)
        stored, problem = _as_json(result)
        if problem:
            self._warnings.append(problem)
        reason = ""
        if self._ending is not None:
            reason = _("It ended by itself before it was stopped: %(why)s") % {
                "why": self._ending[1]
            }
        return self._finished(
            self._verdict(Status.SUCCEEDED, result=stored, reason=reason), retval=result
        )

    def _failed(self, error: BaseException) -> Finished:
        text = storable("".join(traceback.format_exception(error)))[-MAX_TEXT:]
        verdict = self._verdict(Status.FAILED, error=_described(error), traceback=text)
        return self._finished(verdict, exception=error)

    def _finished(self, verdict: Verdict, **told: Any) -> Finished:
        is_scheduled = self.handout.source == Source.SCHEDULE
        return Finished(verdict, is_scheduled=is_scheduled, **told)

    def _verdict(self, status: Status, *, released: bool = True, **texts: Any) -> Verdict:
        ended = time.monotonic()
        started = ended if self.started is None else self.started
        finished_at = self._clock.at(ended)
        return Verdict(
            execution_id=self.handout.execution_id,
            job_id=self.handout.job_id,
            scheduled_for=self.handout.scheduled_for,
            status=status,
            started_at=finished_at - timedelta(seconds=ended - started),
            finished_at=finished_at,
            released_at=finished_at if released else None,
            duration_s=round(ended - started, 6),
            warning="\n".join(self._warnings)[:MAX_TEXT],
            **texts,
        )

    def _settle(self) -> bool:
        """True for the one caller that may write the verdict."""
        with self._lock:
            first = not self._is_settled
            self._is_settled = True
            return first

    def _is_overdue(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _timeout_reason(self) -> str:
        return _("It took longer than its timeout of %(limit)d s.") % {
            "limit": self.handout.timeout_s
        }


class RunLogHandler(logging.Handler):
    """Sends what a task logs to its execution's log."""

    def emit(self, record: logging.LogRecord) -> None:
        run = current_execution()
        if isinstance(run, Run):
            try:
                message = record.getMessage()
                if record.exc_info:
                    message += "\n" + "".join(traceback.format_exception(*record.exc_info))
                run.log(record.levelno, record.name, message)
            except Exception:
                self.handleError(record)


def storable(text: str) -> str:
    """The text without what a database cannot store: NUL and half surrogate pairs."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # a class whose __str__ raises
        text = "<no description>"
    return storable(f"{type(error).__qualname__}: {text}")[:MAX_TEXT]


def _as_json(result: Any) -> tuple[str | None, str]:
    """The result as JSON text, and a warning if it could not be kept as it is."""
    if result is None:
        return None, ""
    try:
        text = json.dumps(result, cls=DjangoJSONEncoder, allow_nan=False, ensure_ascii=False)
        if text == storable(text) and "\\u0000" not in text:
            if len(text.encode()) <= MAX_RESULT_BYTES:
                return text, ""
            problem = _("The result takes more than %(most)d bytes; only its beginning is kept.")
            return json.dumps(storable(text[:1000])), problem % {"most": MAX_RESULT_BYTES}
        reason = _("it holds a character that cannot be stored")
    except Exception as error:  # whatever the objects in it raise
        reason = _described(error)
    try:
        shown = repr(result)
    except Exception:  # a class whose __repr__ raises
        shown = f"<{type(result).__qualname__}>"
    warning = _("The result is no JSON (%(reason)s); its text is kept.") % {"reason": reason}
    return json.dumps(storable(shown)[:1000]), storable(warning)


def _give_back_connections() -> None:
    """End the run's use of the database as Django ends a request's.

    A transaction that the task left open is rolled back with its connection.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            connection.close()
            connections[connection.alias].in_atomic_block = False
            del connections[connection.alias]
    close_old_connections()
