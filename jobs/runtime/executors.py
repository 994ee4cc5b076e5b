"""Executors: where handed-out executions run. For now a pool of threads."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from apscheduler.executors.base import BaseExecutor

from jobs.runtime.run import Run

logger = logging.getLogger(__name__)

BUFFER_S = 0.05
"""How long the runs that wait in memory should keep the workers busy under load."""

MAX_BUFFER = 500

STALE_S = 0.5
"""How long a run may wait in memory before it is queued again, for whoever is free."""


class ThreadsExecutor(BaseExecutor):  # type: ignore[misc]  # APScheduler has no types
    """A fixed pool of daemon threads, which a hanging task cannot keep from ending.

    It takes runs that are marked as running already (`hand_over`), never APScheduler jobs.
    """

    def __init__(self, workers: int, wake: Callable[[], None]) -> None:
        super().__init__()
        self.workers = workers
        self._wake = wake
        self._queue: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._lock_runs = threading.Lock()
        self._runs: dict[int, Run] = {}
        self._finished = 0
        self._rate = 0.0
        self._rate_since = time.monotonic()

    def start(self, scheduler: Any, alias: str) -> None:
        super().start(scheduler, alias)
        for number in range(self.workers):
            name = f"schedcore-worker-{number + 1}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

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

    def capacity(self) -> int:
        """How many more runs keep the workers fed: free workers, and under load a buffer."""
        elapsed = time.monotonic() - self._rate_since
        if elapsed >= 0.002:
            self._rate = self._finished / elapsed
            self._finished, self._rate_since = 0, time.monotonic()
        buffer = min(int(self._rate * BUFFER_S), MAX_BUFFER)
        return max(self.workers + buffer - len(self._runs), 0)

    @property
    def stale_at(self) -> float | None:
        """When (monotonic) the first of the runs that wait in memory has waited too long."""
        waiting = [run.handed_over for run in self.runs() if run.started is None]
        return min(waiting) + STALE_S if waiting else None

    def take_back(self) -> list[int]:
        """Execution ids of runs that no worker has begun; they will not be."""
        taken: list[int] = []
        while True:
            try:
                run = self._queue.get_nowait()
            except queue.Empty:
                return taken
            if run is not None:
                taken.append(run.handout.execution_id)
                self._forget(run)

    def shutdown(self, wait: bool = True) -> None:
        """Let idle workers end; those that run a task are left to it."""
        for _number in range(self.workers):
            self._queue.put(None)

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            run.start()
            try:
                run.execute()
            except BaseException:
                logger.exception(
                    "A worker failed around a run",
                    extra={"event": "worker.error", "execution_id": run.handout.execution_id},
                )
            finally:
                self._finished += 1
                self._forget(run)
                self._wake()

    def _forget(self, run: Run) -> None:
        with self._lock_runs:
            self._runs.pop(run.handout.execution_id, None)

    def _do_submit_job(self, job: Any, run_times: Any) -> None:
        raise TypeError("schedcore hands executions over after claiming them; see hand_over()")
