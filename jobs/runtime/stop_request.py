"""The request that this process ends."""

from __future__ import annotations

from queue import Empty, SimpleQueue


class StopRequest:
    """Made once and for good, by any thread or by a signal handler.

    A handler interrupts `wait` at any point, in the same thread. `threading.Event` holds a
    plain lock at some of them, and would wait for itself for ever; of the queue's `put` it is
    promised that it may interrupt its `get` (see `queue.SimpleQueue`).
    """

    def __init__(self) -> None:
        self._requests: SimpleQueue[None] = SimpleQueue()

    def make(self) -> None:
        self._requests.put(None)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it is made by then; without a limit it returns once it is made."""
        try:
            self._requests.get(timeout=timeout_s)
        except Empty:
            return False
        self._requests.put(None)  # for whoever else waits, or asks again
        return True
