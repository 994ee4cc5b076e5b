"""What the executors share: a fixed number of slots, each a thread that takes one run at a time."""

from __future__ import annotations

import logging
import queue
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from apscheduler.executors.base import BaseExecutor

from jobs.runtime.perform import Outcome
from jobs.runtime.run import Run, TooLate

logger = logging.getLogger(__name__)

Perform = Callable[[Run], Outcome]
"""Runs a task to its end, in the calling slot's thread."""

BUFFER_S = 0.05
"""How long the runs that wait in memory should keep the workers busy under load."""

REMEMBERED = 100
"""Runs whose mean duration tells how many these are."""

MAX_BUFFER = 500

STALE_S = 0.5
"""How long a run may wait in memory before it is queued again, for whoever is free."""


class Pool(BaseExecutor):  # type: ignore[misc]  # APScheduler has no types
    """Daemon threads, which a hanging task cannot keep from ending.

    It takes runs that are marked as running already (`hand_over`), never APScheduler jobs.
    """

    alias: str
    """As in `Job.executor`."""

    def __init__(self, workers: int, wake: Callable[[], None]) -> None:
        super().__init__()
        self.workers = workers
        self._wake = wake
        self._queue: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._late: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        """What was not begun in time, for `take_back`."""
        self._lock_runs = threading.Lock()
        self._runs: dict[int, Run] = {}
        self.abandoned: list[int] = []
        """Execution ids of runs that were ended without a verdict, as at shutdown: without this
        they would seem never to have begun."""
        self.threads: list[threading.Thread] = []
        self._is_over = False
        self._finished = 0.0
        self._busy_s = 0.0
        """What they took, of a number of last runs: older ones count less and less."""
        self._last_end = 0.0
        self._low = 0
        """While more than that wait in memory, the loop need not know that one has ended."""

    @abstractmethod
    def slot(self) -> AbstractContextManager[Perform]:
        """What one slot's thread performs its runs with, for as long as it lives."""

    def start(self, scheduler: Any, alias: str) -> None:
        super().start(scheduler, alias)
        for number in range(self.workers):
            name = f"schedcore-{self.alias}-{number + 1}"
            self.threads.append(threading.Thread(target=self._work, name=name, daemon=True))
        for thread in self.threads:
            thread.start()

    def hand_over(self, run: Run) -> None:
        with self._lock_runs:
            self._runs[run.handout.execution_id] = run
        self._queue.put(run)

    def runs(self) -> list[Run]:
        """Runs that are handed over and have not returned."""
        with self._lock_runs:
            return list(self._runs.values())

    @property
    def busy(self) -> int:
        return min(len(self._runs), self.workers)

    @property
    def waiting(self) -> int:
        """Runs that wait in memory."""
        return max(len(self._runs) - self.workers, 0)

    def capacity(self) -> int:
        """How many more runs keep the workers fed: free workers, and of short runs a buffer.

        None before half of the buffer is used up, so that the loop hands out many at once.
        """
        buffer = self._buffer()
        self._low = buffer // 2
        return 0 if self.waiting > self._low else self.workers + buffer - len(self._runs)

    def _buffer(self) -> int:
        is_stuck = len(self._runs) >= self.workers and (
            time.monotonic() - self._last_end > BUFFER_S
        )
        if is_stuck or not self._finished:
            return 0
        mean_s = max(self._busy_s / self._finished, 1e-6)
        return min(int(self.workers * BUFFER_S / mean_s), MAX_BUFFER)

    @property
    def stale_at(self) -> float | None:
        """When (monotonic) the first of the runs that wait in memory has waited too long."""
        if not self._runs:
            return None
        waiting = (run.handed_over for run in self.runs() if run.started is None)
        first = next(waiting, None)  # they stand in the order in which they came
        return None if first is None else first + STALE_S

    def take_back(self) -> list[int]:
        """Execution ids of runs that no worker has begun; they will not be."""
        taken: list[int] = []
        for waiting in (self._queue, self._late):
            with suppress(queue.Empty):
                while True:
                    run = waiting.get_nowait()
                    if run is not None:
                        taken.append(run.handout.execution_id)
                        self._forget(run)
        if self._is_over:
            self._send_home()  # again: what was to tell them has been taken
        return taken

    def shutdown(self, wait: bool = True) -> None:
        """Let idle workers end; those that run a task are left to it. No run is begun any more."""
        self._is_over = True
        self._send_home()

    def _send_home(self) -> None:
        for _number in range(self.workers):
            self._queue.put(None)

    def _work(self) -> None:
        with self.slot() as perform:
            while (run := self._queue.get()) is not None:
                if self._is_over:
                    self._queue.put(run)  # for `take_back`
                    return
                self._execute(run, perform)

    def _execute(self, run: Run, perform: Perform) -> None:
        try:
            run.execute(perform)
        except TooLate:
            self._late.put(run)
            self._wake()
            return
        except BaseException:
            logger.exception(
                "A worker failed around a run",
                extra={"event": "worker.error", "execution_id": run.handout.execution_id},
            )
        if self._end(run) <= self._low:
            self._wake()

    def _end(self, run: Run) -> int:
        """Forget a run that has returned; how many wait in memory."""
        now = time.monotonic()
        with self._lock_runs:
            self._runs.pop(run.handout.execution_id, None)
            if run.is_abandoned:
                self.abandoned.append(run.handout.execution_id)
            self._last_end = now
            self._finished += 1
            self._busy_s += now - (run.started or now)
            if self._finished >= 2 * REMEMBERED:
                self._finished /= 2
                self._busy_s /= 2
            return self.waiting

    def _forget(self, run: Run) -> None:
        with self._lock_runs:
            self._runs.pop(run.handout.execution_id, None)

    def _do_submit_job(self, job: Any, run_times: Any) -> None:
        raise TypeError("schedcore hands executions over after claiming them; see hand_over()")
