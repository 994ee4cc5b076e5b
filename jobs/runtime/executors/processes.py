"""The executor for tasks that need a process: it can be killed, and takes nobody with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jobs.runtime.executors.fork_server import ForkServer
from jobs.runtime.executors.pool import Perform, Pool
from jobs.runtime.executors.slot import END_GRACE_S, Slot

LEAVE_LIMIT_S = 2.0
"""For the slots to notice that their children are gone."""


class ProcessesExecutor(Pool):
    """Each slot has a child of one fork server, which has Django loaded.

    A crash of the task is the failure of its run alone; a timeout or cancel is SIGTERM, then
    SIGKILL. Nothing of it outlives the scheduler's process, however that ends, but for one case:
    if the fork server is killed together with it, and so cannot, nobody ends what a child has
    started itself.
    """

    alias = "processes"

    def __init__(
        self, workers: int, wake: Callable[[], None], server: ForkServer | None = None
    ) -> None:
        super().__init__(workers, wake)
        self.server = server or ForkServer()
        self._slots: set[Slot] = set()
        self._lock_slots = threading.Lock()

    @contextmanager
    def slot(self) -> Iterator[Perform]:
        slot = Slot(self.server)
        with self._lock_slots:
            self._slots.add(slot)
        try:
            yield slot.perform
        finally:
            slot.close()
            with self._lock_slots:
                self._slots.remove(slot)

    def shutdown(self, wait: bool = True) -> None:
        """End all children, those of runs that still go on too; these get no verdict here."""
        super().shutdown(wait)
        deadline = time.monotonic() + END_GRACE_S + LEAVE_LIMIT_S
        with self._lock_slots:
            for slot in self._slots:
                slot.hurry()
        for thread in self.threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        self.server.stop()
