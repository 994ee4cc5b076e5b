"""The request that this process ends."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock


class StopRequest:
    """Made once and for good, by any thread or by a signal handler.

    A handler interrupts `wait` at any point, in the same thread. `threading.Event` holds a
    plain lock at some of them, and would wait for itself for ever. A `SimpleQueue` does not,
    but a `get` that a busy machine holds up past its timeout waits for ever (Python 3.11).
    """

    def __init__(self) -> None:
        self._not_made = Lock()
        self._not_made.acquire()

    def make(self) -> None:
        with suppress(RuntimeError):  # it was released before, so the request is made
            self._not_made.release()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether it is made by then; without a limit it returns once it is made."""
        made = self._not_made.acquire(timeout=-1 if timeout_s is None else timeout_s)
        if made:
            self.make()  # for whoever else waits, or asks again
        return made
