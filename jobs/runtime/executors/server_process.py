"""One start of the fork server's process, and what is said to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.utils.translation import gettext as _

from jobs.errors import Unavailable
from jobs.runtime.executors.forked import Forked
from jobs.runtime.executors.frames import READ_BYTES, Message, packed
from jobs.runtime.executors.template import START, STOPS

NAME = "schedcore-fork-server"
"""By which people find it, and its children, in a list of processes."""


class CannotFork(Unavailable):
    """There is no fork server. `traceback` tells where its start failed, if anywhere."""

    code = "no_fork_server"

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class ServerProcess:
    """Raises CannotFork where it cannot even be started."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str] | None) -> None:
        if not hasattr(os, "fork") or not hasattr(os, "waitid"):
            raise CannotFork(
                _("This system cannot run tasks in processes; give the job the executor “threads”.")
            )
        self.started = time.monotonic()
        self.is_ready = False
        self.is_over = False
        self.failure: tuple[str, str] | None = None
        """A sentence and a traceback."""
        self.children: dict[int, Forked] = {}
        self.pongs = 0
        self._lock = threading.Lock()
        self._control, far_end = socket.socketpair()
        try:
            self._popen = _start(far_end, modules, environment)
        except OSError as error:
            self._control.close()
            sentence = _("The fork server could not be started: %(error)s.")
            raise CannotFork(sentence % {"error": error}) from error
        finally:
            far_end.close()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def tell(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """May be called from any thread. That it is gone is noticed where it is listened to."""
        data = packed(message)
        with self._lock, suppress(OSError):
            if descriptors:
                sent = socket.send_fds(self._control, [data], list(descriptors))
                data = data[sent:]
            self._control.sendall(data)

    def receive(self) -> bytes:
        """What it says next; nothing when it has ended."""
        try:
            return self._control.recv(READ_BYTES)
        except ConnectionError:  # it died before it had read everything
            return b""

    def hang_up(self) -> None:
        """It ends, with all of its children."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        if not self.is_ready:
            self.kill()  # it has no children, and does not listen yet

    def kill(self) -> None:
        self._popen.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Its wait status, once it has ended."""
        code = self._popen.wait()
        with self._lock:
            self._control.close()
        return -code if code < 0 else code << 8


def _start(
    far_end: socket.socket, modules: Sequence[str], environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    given = {
        "control": far_end.fileno(),
        "scheduler": os.getpid(),
        "path": sys.path,
        "modules": list(modules),
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # which the process inherits
    try:
        popen = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-c", START, NAME],
            stdin=subprocess.PIPE,
            env=environment,
            pass_fds=[far_end.fileno()],
            start_new_session=True,  # so that Ctrl-C reaches the scheduler alone
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert popen.stdin is not None  # noqa: S101  for mypy
    with suppress(OSError), popen.stdin as stdin:  # it may be dead already
        stdin.write(json.dumps(given).encode())
    return popen
