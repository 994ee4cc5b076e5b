"""The last writes: what a scheduler leaves in the database when it stops for good."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import datetime

from django.db import Error as DatabaseFault
from django.db import InterfaceError, OperationalError, connection

from jobs.executions.fencing import bounded
from jobs.executions.hand_out import give_back
from jobs.executions.recovery import interrupt_own
from jobs.runtime.clock import Clock
from jobs.runtime.executors.pools import Pools
from jobs.runtime.lease import Membership
from jobs.runtime.recorder import Recorder
from jobs.runtime.report import Report

logger = logging.getLogger(__name__)

LIMIT_S, RETRY_S = 10.0, 0.2


class LastWrites:
    """Used by the thread that ends the scheduler, once its loop has ended."""

    def __init__(
        self,
        membership: Membership,
        recorder: Recorder,
        pools: Pools,
        clock: Clock,
        report: Report,
    ) -> None:
        self._membership = membership
        self._recorder = recorder
        self._pools = pools
        self._clock = clock
        self._report = report
        # Kept from one try to the next: a commit may have happened whose answer was lost.
        self._taken_back: list[int] = []
        self._interrupted: set[int] = set()

    def write(self) -> int:
        """Write what runs have left behind, interrupt those that go on, and leave; how many
        those are.

        Tried again while the database is away, as it may just be coming back. Never raises.
        """
        now = self._clock.now()
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                self._write_and_leave(now)
                return len(self._interrupted)
            except Exception as error:  # the process ends all the same
                with suppress(DatabaseFault):
                    connection.close()
                if isinstance(error, OperationalError | InterfaceError) and (
                    time.monotonic() < deadline
                ):
                    time.sleep(RETRY_S)
                    continue
                logger.exception(
                    "The database did not take the last results; the next leader will call these "
                    "runs interrupted",
                    extra={"event": "scheduler.last_writes_failed"},
                )
                return len(self._pools.runs())

    def _write_and_leave(self, now: datetime) -> None:
        """Each in a transaction of its own: together they would not keep to the order of locks."""
        owner = self._membership.identity.id
        self._write_everything()
        self._taken_back += self._pools.take_back()
        with bounded(LIMIT_S):
            give_back(owner, self._taken_back, now=now)
        with bounded(LIMIT_S) as cursor:
            interrupted = interrupt_own(owner, now=now)
            self._recorder.note(cursor, interrupted)
            self._interrupted.update(interrupted)
            self._report.counts.interrupted(interrupted)
        if self._membership.lease:
            with bounded(LIMIT_S):
                self._membership.release()
            self._membership.lease = None
        while self._report.counts.has_any:
            self._report.counts.write(self._membership, LIMIT_S)
        with bounded(LIMIT_S):
            self._membership.leave(now)

    def _write_everything(self) -> None:
        """What runs have left behind so far, which may be more than one flush writes."""
        self._recorder.close()
        deadline = time.monotonic() + LIMIT_S
        self._flush()
        while self._recorder.has_anything:
            if time.monotonic() > deadline:
                logger.error(
                    "What runs left behind last is lost: the database takes too long",
                    extra={"event": "recorder.cut_short"},
                )
                return
            if not self._recorder.has_lines:  # it was tried, and is locked or refused
                time.sleep(RETRY_S)
            self._flush()

    def _flush(self) -> None:
        owner = self._membership.identity.id
        for item in self._recorder.flush(owner, self._clock.now(), is_last=True):
            self._report.finished(item)
