"""Wakes a thread that waits in a selector."""

from __future__ import annotations

import socket
from contextlib import suppress


class Bell:
    """May be rung from any thread, also after it is closed."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def ring(self) -> None:
        with suppress(OSError):  # it has been rung often enough, or is closed
            self._writer.send(b"!")

    def answer(self) -> None:
        """It has been heard."""
        with suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
