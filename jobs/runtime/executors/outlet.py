"""Where a child's task speaks to: the socket to the scheduler."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from jobs.runtime.executors.frames import Message

PROGRESS_INTERVAL_S = 0.1
"""Progress that is told more often is told that often; the last of it always is."""


class SocketOutlet:
    """Sends lines and warnings at once, and progress at intervals."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._next_progress = 0.0
        self._waiting: Message | None = None
        self._timer: threading.Timer | None = None

    def line(self, at: float, level: int, logger: str, message: str) -> None:
        self._send({"line": [at, level, logger, message]})

    def warning(self, message: str) -> None:
        self._send({"warning": message})

    def progress(self, done: float, total: float | None, message: str) -> None:
        told = {"progress": [done, total, message]}
        wait_s = self._next_progress - time.monotonic()
        with self._lock:
            is_due = wait_s <= 0 and self._timer is None
            self._waiting = None if is_due else told
            needs_timer = not is_due and self._timer is None
            if needs_timer:
                self._timer = threading.Timer(wait_s, self._tell_waiting)
                self._timer.daemon = True
        if is_due:
            self._next_progress = time.monotonic() + PROGRESS_INTERVAL_S
            self._send(told)
        elif needs_timer:
            self._start_timer()

    def end(self) -> None:
        """The run is over: tell what waits."""
        timer = self._timer
        if timer is not None:
            timer.cancel()
            with suppress(RuntimeError):  # a stop came before it was started
                timer.join()
            self._tell_waiting()

    def _start_timer(self) -> None:
        timer = self._timer
        if timer is None:
            return
        try:
            timer.start()
        except RuntimeError:  # no more threads
            self._tell_waiting()

    def _tell_waiting(self) -> None:
        with self._lock:
            told, self._waiting, self._timer = self._waiting, None, None
            self._next_progress = time.monotonic() + PROGRESS_INTERVAL_S
        if told is not None:
            self._send(told)
