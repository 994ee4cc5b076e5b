"""A handed-out execution, as the scheduler that runs it knows it: its end, and its verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.conf import conf
from jobs.executions.finish import LogLine, Progress, Verdict
from jobs.executions.hand_out import Handout
from jobs.models.execution import Source, Status
from jobs.runtime.clock import Clock
from jobs.runtime.perform import Outcome, failure
from jobs.runtime.recorder import Finished, Recorder
from jobs.runtime.view import MAX_TEXT, View

MAX_WARNINGS = 100

LINGERS = gettext_lazy("Its thread has not returned yet, and keeps its slot until it does.")

CANCEL_GRACE_S = 10.0
"""A cancelled run that does not `check()` gets its verdict after that many seconds."""


class TooLate(Exception):
    """It was handed out so long ago that others may have taken this process for dead."""


class Run:
    """The loop's means to end it, and the outlet of what its task says.

    `handed_out` is from before the transaction that did so; monotonic.
    """

    def __init__(
        self, handout: Handout, recorder: Recorder, clock: Clock, handed_out: float | None = None
    ) -> None:
        self.handout = handout
        self.handed_over = time.monotonic() if handed_out is None else handed_out
        self.started: float | None = None
        self.deadline: float | None = None
        self.is_abandoned = False
        self.lingers: str | Promise = LINGERS
        """What a verdict says that comes before the task's end."""
        self.on_end_asked: Callable[[], None] = lambda: None
        """Called when it is cancelled or its time is over, to end it from without."""
        self._recorder = recorder
        self._clock = clock
        self._ending: tuple[Status, str] | None = None
        self._is_settled = False
        self._lock = threading.Lock()
        self._warnings: list[str] = []

    # -- Its end -----------------------------------------------------------------

    def execute(self, perform: Callable[[Run], Outcome]) -> None:
        """Run the task to its end by `perform`, and hand the verdict to the recorder."""
        self.started = time.monotonic()
        try:
            finished = self._finished_by(perform(self))
        except TooLate:
            if not self._is_settled:  # else it was ended meanwhile, and only leaves its slot
                self.started = None
                raise
        except BaseException as error:  # not the task's, but a verdict all the same
            finished = self._finished_by(failure(error))
        if self._settle():
            self._recorder.finish(finished)
        else:
            self._recorder.release(self.handout.execution_id)

    def check_in_time(self) -> None:
        """Call it just before the task begins; raises TooLate, as after a SIGSTOP."""
        if time.monotonic() - self.handed_over > conf().lease_ttl_s / 3:
            raise TooLate

    def begin(self, at: float | None = None) -> None:
        """Its task is called (at that monotonic moment, by default now): what came before
        counts neither as its time nor to its limit."""
        self.started = time.monotonic() if at is None else at
        if self.handout.timeout_s and self.deadline is None:
            self.deadline = self.started + self.handout.timeout_s

    def abandon(self) -> None:
        """It gets no verdict from here: its process stops, and will call it interrupted."""
        self.is_abandoned = True
        self._settle()

    def view(self) -> View:
        """For its task, in this process."""
        return View(self.handout, self, self.stop_reason)

    def stop_reason(self) -> str | None:
        """Why it has to end, once it has to."""
        if self._ending is None and self._is_overdue():
            self._ending = self._timed_out()
        return None if self._ending is None else self._ending[1]

    def ask_to_cancel(self, who: str, *, grace_s: float = CANCEL_GRACE_S) -> None:
        """End it; its verdict comes after `grace_s` at the latest."""
        if self._ending is None:
            self._ending = (Status.CANCELLED, _("Cancelled by %(who)s.") % {"who": who})
            self.deadline = time.monotonic() + grace_s
            self.on_end_asked()

    @property
    def open_deadline(self) -> float | None:
        """When (monotonic) the loop has to end it, unless it ends before; None if never.

        As long as its task is not called, the first moment at which that may be.
        """
        if self._is_settled:
            return None
        if self.started is None or self.deadline is None:
            timeout_s = self.handout.timeout_s
            return time.monotonic() + timeout_s if timeout_s else None
        return self.deadline

    @property
    def is_lingering(self) -> bool:
        """It has its verdict, and has not returned."""
        return self._is_settled

    def finish_overdue(self) -> Finished | None:
        """The end of a run that is past its deadline and has none; it keeps its slot.

        Not of one that no worker has begun: it has none, and is taken back.
        """
        if self.started is None or not self._is_overdue() or not self._settle():
            return None
        status, reason = self._ending = self._ending or self._timed_out()
        self.on_end_asked()
        return self._finished(self._verdict(status, False, reason=f"{reason} {self.lingers}"))

    def _finished_by(self, outcome: Outcome) -> Finished:
        told = {"retval": outcome.retval, "exception": outcome.exception}
        if outcome.warning:
            self.warning(outcome.warning)
        texts = {"error": outcome.error, "traceback": outcome.traceback}
        status, reason = outcome.status, ""
        if status == Status.CANCELLED:
            status, reason = self._ending or (Status.FAILED, outcome.error)
            reason = f"{reason} {outcome.how}".rstrip()
            if not outcome.traceback:  # StopRun's own words are the reason already
                texts = {}
        elif self._ending is not None:
            reason = _("It ended by itself before it was stopped: %(why)s")
            reason %= {"why": self._ending[1]}
        verdict = self._verdict(status, True, reason=reason, result=outcome.result, **texts)
        return self._finished(verdict, **told)

    def _finished(self, verdict: Verdict, **told: Any) -> Finished:
        is_scheduled = self.handout.source == Source.SCHEDULE
        function = self.handout.function
        return Finished(verdict, is_scheduled=is_scheduled, function=function, **told)

    def _verdict(self, status: Status, released: bool, **texts: Any) -> Verdict:
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
            attempt=self.handout.attempt,
            is_final=self._ending is not None and self._ending[0] == Status.CANCELLED,
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

    def _timed_out(self) -> tuple[Status, str]:
        reason = _("It took longer than its timeout of %(limit)d s.")
        return Status.TIMED_OUT, reason % {"limit": self.handout.timeout_s}

    # -- What its task says ------------------------------------------------------

    def line(self, at: float, level: int, logger: str, message: str) -> None:
        execution_id = self.handout.execution_id
        self._recorder.log(LogLine(execution_id, self._clock.at(at), level, logger, message))

    def progress(self, done: float, total: float | None, message: str) -> None:
        self._recorder.progress(Progress(self.handout.execution_id, done, total, message))

    def warning(self, message: str) -> None:
        if len(self._warnings) < MAX_WARNINGS:
            self._warnings.append(message)
