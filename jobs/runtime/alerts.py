"""The leader's desk for alerts: a thread that judges, and one for each channel that is told.

None of it is the loop's: a channel that hangs, or a rule that is slow, delays no run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

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
        self._fault = ""
        self._next_step = self._next_times = self._next_gone = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Judge no more, and leave what is not sent by the end to the next leader."""
        self._stop.set()
        end = time.monotonic() + END_S
        for thread in [self._thread, *self._senders.values()]:
            thread.join(max(end - time.monotonic(), 0.0))

    def _work(self) -> None:
        while not self._stop.wait(STEP_S):
            lease = self._scheduler.membership.lease
            if lease is None:
                self._next_step = 0.0  # at once, if this process leads again
                continue
            if not self._scheduler.recorder.notes_verdicts:
                if time.monotonic() < self._next_step:
                    continue
                self._next_step = time.monotonic() + IDLE_S
            try:
                self._step(lease)
                self._fault = ""
            except Exception as error:  # one step: record, then go on
                self._tell(error)
            finally:
                connection.close()

    def _step(self, lease: Lease) -> None:
        if not SchedulerLease.objects.filter(pk=1, holder=lease.holder, epoch=lease.epoch).exists():
            return
        # Each by itself, so that what is wrong with one does not hold up the others.
        parts = (self._judge, self._look_at_times, self._send_due)
        faults = [error for part in parts if (error := _attempted(part)) is not None]
        if faults:
            raise faults[0]

    def _judge(self) -> None:
        while not self._stop.is_set() and desk.judge_events() == desk.MAX_FACTS:
            pass

    def _look_at_times(self) -> None:
        monotonic = time.monotonic()
        if monotonic >= self._next_times:
            self._next_times = monotonic + TIMES_S
            desk.look_at_times(database_now())
        if monotonic >= self._next_gone:
            self._next_gone = monotonic + GONE_S
            desk.close_of_gone_jobs(database_now())

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

    def _tell(self, error: Exception) -> None:
        """Once, while the same thing goes on failing."""
        sentence = f"{type(error).__name__}: {error}".strip()[:500]
        if sentence != self._fault:
            logger.error(
                "Alerts could not be worked out; trying again",
                exc_info=None if isinstance(error, DatabaseFault) else error,
                extra={"event": "alert.step_failed", "error": sentence},
            )
        self._fault = sentence


def _attempted(part: Callable[[], None]) -> Exception | None:
    try:
        part()
    except Exception as error:  # a part of one step
        return error
    return None


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
