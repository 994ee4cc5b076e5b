"""Log lines of all runs that wait to be written: bounded, whatever becomes of the database."""

from __future__ import annotations

import sys
import threading
from collections import deque

from jobs.executions.finish import LogLine

MAX_LINES, MAX_BYTES = 100_000, 50_000_000
"""What is kept of all runs together. With the database away, lines beyond that are lost."""

LINE_COST = 300
"""Bytes that a line takes besides its text."""

LINES_AT_ONCE, BYTES_AT_ONCE = 1000, 1_000_000
"""What one statement writes, so that a chatty task does not hold up the loop."""


class Lines:
    """Put in by any thread, taken out by the loop's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[LogLine] = deque()
        self._bytes = 0
        self._lost: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting or self._lost)

    def put(self, line: LogLine) -> bool:
        """Whether it is the first that waits."""
        size = _size(line)
        with self._lock:
            if len(self._waiting) >= MAX_LINES or self._bytes + size > MAX_BYTES:
                self._lost[line.execution_id] = self._lost.get(line.execution_id, 0) + 1
                return False
            self._waiting.append(line)
            self._bytes += size
            return len(self._waiting) == 1

    def take(self) -> list[LogLine]:
        """The oldest, as many as are written at once."""
        taken: list[LogLine] = []
        size = 0
        with self._lock:
            while self._waiting and len(taken) < LINES_AT_ONCE:
                size += _size(self._waiting[0])
                if taken and size > BYTES_AT_ONCE:
                    break
                taken.append(self._waiting.popleft())
                self._bytes -= _size(taken[-1])
        return taken

    def take_lost(self) -> dict[int, int]:
        """How many lines each execution has lost since this was last asked; nothing while
        older ones wait."""
        with self._lock:
            if self._waiting:
                return {}
            lost, self._lost = self._lost, {}
        return lost

    def give_back(self, lines: list[LogLine], lost: dict[int, int]) -> None:
        """What was taken and could not be written: `lines`, of which the last ones, as many as
        are left of them, stand for the `lost`."""
        ids = list(lost)
        notes = min(len(lines), len(ids))
        with self._lock:
            for line in lines[: len(lines) - notes][::-1]:
                self._waiting.appendleft(line)
                self._bytes += _size(line)
            for execution_id in ids[len(ids) - notes :]:
                self._lost[execution_id] = self._lost.get(execution_id, 0) + lost[execution_id]


def _size(line: LogLine) -> int:
    return sys.getsizeof(line.message) + LINE_COST
