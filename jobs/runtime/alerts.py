"""The leader's desk for alerts: a thread that judges, and one for each channel that is told.

None of it is the loop's: a channel that hangs, or a rule that is slow, delays no run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from django.db import Error as DatabaseFault
from django.db import connection

from jobs.alerts import desk, post
from jobs.executions.database import database_now
from jobs.executions.fencing import Lease
from jobs.models import SchedulerLease
from jobs.runtime.scheduler import SchedcoreScheduler

logger = logging.getLogger(__name__)

STEP_S = 0.5
IDLE_S = 30.0
"""Between two steps while there is no rule, for what is left of earlier ones."""

TIMES_S = 5.0
"""Between two looks at how long runs take and how long ago jobs succeeded."""

GONE_S = 60.0
MAX_SENDERS = 20
END_S = 3.0
"""How long messages that are on their way are waited for at the end."""


class AlertDesk:
    """Works while its scheduler leads. Two may do so at once for a moment; see `jobs.alerts`."""

    def __init__(self, scheduler: SchedcoreScheduler) -> None:
        self._scheduler = scheduler
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="schedcore-alerts", daemon=True)
        self._senders: dict[int, threading.Thread] = {}
        self._faults = scheduler.alert_faults
        self._next_step = self._next_times = self._next_gone = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Judge no more, and leave what is not sent by the end to the next leader."""
        self._stop.set()
        end = time.monotonic() + END_S
        for thread in [self._thread, *self._senders.values()]:
            thread.join(max(end - time.monotonic(), 0.0))
        self._faults.ends()

    def _work(self) -> None:
        while not self._stop.wait(STEP_S):
            lease = self._scheduler.membership.lease
            if lease is None:
                self._next_step = 0.0  # at once, if this process leads again
                self._faults.rests()
                continue
            if not self._scheduler.recorder.notes_verdicts:
                if time.monotonic() < self._next_step:
                    self._faults.moves()
                    continue
                self._next_step = time.monotonic() + IDLE_S
            try:
                self._attempt("step", partial(self._step, lease))
            finally:
                connection.close()

    def _step(self, lease: Lease) -> None:
        if not SchedulerLease.objects.filter(pk=1, holder=lease.holder, epoch=lease.epoch).exists():
            return
        monotonic = time.monotonic()
        # Each by itself, so that what is wrong with one does not hold up the others.
        self._attempt("judge", self._judge)
        if monotonic >= self._next_times:
            self._next_times = monotonic + TIMES_S
            self._attempt("times", lambda: desk.look_at_times(database_now()))
        if monotonic >= self._next_gone:
            self._next_gone = monotonic + GONE_S
            self._attempt("gone", lambda: desk.close_of_gone_jobs(database_now()))
        self._attempt("send", self._send_due)

    def _attempt(self, part: str, work: Callable[[], None]) -> None:
        """A step, or a part of one: record, then go on."""
        self._faults.moves()
        try:
            work()
        except Exception as error:  # of one part
            self._faults.failed(part, error)
        else:
            self._faults.succeeded(part)

    def _judge(self) -> None:
        while not self._stop.is_set() and desk.judge_events() == desk.MAX_FACTS:
            self._faults.moves()

    def _send_due(self) -> None:
        self._senders = {key: sender for key, sender in self._senders.items() if sender.is_alive()}
        for channel_id, message_id in post.due_messages(database_now()):
            if channel_id in self._senders or len(self._senders) >= MAX_SENDERS:
                continue
            sender = threading.Thread(
                target=_deliver, args=(message_id,), name="schedcore-alert-sender", daemon=True
            )
            self._senders[channel_id] = sender
            sender.start()


def _deliver(message_id: int) -> None:
    """In a thread of its own."""
    try:
        post.deliver(message_id)
    except Exception as error:  # one message: record, then go on
        logger.exception(
            "An alert could not be put together",
            extra={"event": "alert.failed", "message_id": message_id},
        )
        _note_failure(message_id, f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def _note_failure(message_id: int, error: str) -> None:
    try:
        post.fail(message_id, error)
    except DatabaseFault:  # the message is tried again when its reservation is over
        logger.warning(
            "The failure of an alert could not be written down",
            extra={"event": "alert.failure_lost", "message_id": message_id},
        )
