"""Who leads when, as seen in the database."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from django.db import DatabaseError, connection

from jobs.models import SchedulerLease, SchedulerProcess

INTERVAL_S = 0.05


class Reign(NamedTuple):
    """From `since` (monotonic) on the process `pid` leads, or nobody (0)."""

    since: float
    pid: int


class Watch:
    """Looks at the lease all the time, in a thread of its own."""

    def __init__(self) -> None:
        self.reigns: list[Reign] = [Reign(time.monotonic(), 0)]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def leader(self) -> int:
        """The pid of who leads; 0 if nobody does."""
        return self.reigns[-1].pid

    def _run(self) -> None:
        try:
            while not self._ended.wait(INTERVAL_S):
                try:
                    self._look()
                except DatabaseError:  # that is one of the faults
                    connection.close()
        finally:
            connection.close()

    def _look(self) -> None:
        holder = SchedulerLease.objects.values_list("holder", flat=True).first() or ""
        pids = SchedulerProcess.objects.filter(pk=holder).values_list("pid", flat=True)
        pid = pids.first() or 0
        if pid != self.leader:
            self.reigns.append(Reign(time.monotonic(), pid))
