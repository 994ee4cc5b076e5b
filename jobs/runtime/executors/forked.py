"""A child of the fork server, as the scheduler knows it."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable
from typing import IO

MAX_STACK_BYTES = 20_000


class Forked:
    """Its socket, the file for its last words, and its end once it has come to it.

    `wake` is called at its end.
    """

    def __init__(self, number: int, wake: Callable[[], None]) -> None:
        self.number = number
        self.runs = 0
        self.pid: int | None = None
        self.status: int | None = None
        """As `os.waitpid` tells it."""
        self.refused = ""
        """Why it was not forked at all."""
        self.server_end = ""
        """How the fork server ended, if the child ended with it."""
        self.gone = threading.Event()
        self._wake = wake
        self.channel, self.far_end = socket.socketpair()
        self.crash = _make_file()

    def forget_far_end(self) -> None:
        """The other end of the channel is the child's from now on."""
        self.far_end.close()

    def end(self, status: int | None = None, *, refused: str = "", server_end: str = "") -> None:
        self.status, self.refused, self.server_end = status, refused, server_end
        self.gone.set()
        self._wake()

    def stack(self) -> str:
        """Where it was when a signal such as SIGSEGV killed it; empty if it was not."""
        self.crash.seek(0)
        return self.crash.read(MAX_STACK_BYTES).decode(errors="replace").strip()

    def close(self) -> None:
        self.channel.close()
        self.far_end.close()
        self.crash.close()


def _make_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):  # needs no disk
        return os.fdopen(os.memfd_create("schedcore-crash"), "w+b")
    return tempfile.TemporaryFile()
