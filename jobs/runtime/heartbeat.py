"""The dead man's switch: an address outside that is called while the scheduler is healthy.

Whoever owns it raises the alarm when the calls stop, which no scheduler can do that is dead.
"""

from __future__ import annotations

import logging
import threading

from jobs.alerts import messenger
from jobs.conf import conf
from jobs.runtime.scheduler import SchedcoreScheduler

logger = logging.getLogger(__name__)

LOOK_S = 1.0


class Heartbeat:
    """Called by the leader alone, and only while its loop works."""

    def __init__(self, scheduler: SchedcoreScheduler) -> None:
        self._scheduler = scheduler
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="schedcore-heartbeat", daemon=True)
        self._has_failed = False

    def start(self) -> None:
        if conf().heartbeat_url:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    @property
    def is_healthy(self) -> bool:
        """As the loop shows: it leads, it moves, and its last step did not fail."""
        scheduler = self._scheduler
        is_moving = scheduler.stuck_for_s < conf().lease_ttl_s
        return scheduler.membership.is_leader and is_moving and not scheduler.faults.current

    def _work(self) -> None:
        wait_s = LOOK_S
        while not self._stop.wait(wait_s):
            if self.is_healthy:
                self._call()
                wait_s = conf().heartbeat_interval_s
            else:
                wait_s = LOOK_S

    def _call(self) -> None:
        """Failures are said once, and without the address."""
        try:
            error = messenger.call(conf().heartbeat_url)
        except OSError as fault:  # no process could be started; the next time one may
            error = str(fault)
        if error and not self._has_failed:
            logger.warning(
                "The heartbeat URL did not answer",
                extra={"event": "heartbeat.failed", "error": error},
            )
        elif not error and self._has_failed:
            logger.info("The heartbeat URL answers again", extra={"event": "heartbeat.recovered"})
        self._has_failed = bool(error)
