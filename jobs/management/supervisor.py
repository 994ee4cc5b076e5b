"""Runs a few programs as one: they start together, stop together, and none outlives the caller.

One thread, one loop: it wakes for output, for signals and for deadlines.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The kernel sends SIGTERM to a child when its parent dies, even of SIGKILL, where it can
# (Linux); set in the child itself, since code between fork and exec is not safe to run here.
_LAUNCH = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != int(parent):
        sys.exit(1)
os.execv(command[0], command)
"""


@dataclass(frozen=True, slots=True)
class Program:
    """`name` as people read it, and the command line, beginning with an absolute path."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ended although nobody had asked it to. `code` as in subprocess."""

    program: Program
    code: int
    last_lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened: both fields are empty after a stop that was asked for and went well."""

    ended: Ended | None
    killed: Sequence[Program]


def supervise(
    programs: Sequence[Program], *, grace_s: float, relay: Callable[[bytes], object]
) -> Outcome:
    """Run the programs until a signal or the end of one of them; then stop the others.

    SIGINT, SIGTERM and SIGHUP ask for a graceful stop: each program gets SIGTERM and
    `grace_s`, then it and its process group are killed; a second Ctrl-C kills at once.
    `relay` gets their output in whole lines; when it raises OSError nobody reads any more,
    which counts as a request to stop.
    """
    return _Supervisor(programs, grace_s, relay).run()


@dataclass(slots=True, eq=False)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    unfinished_line: bytes = b""
    last_lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=12))
    code: int | None = None

    def has_ended(self) -> bool:
        """Whether it has; what it has left behind ends at the same time."""
        if self.code is None and (code := self.process.poll()) is not None:
            self.code = code
            self.kill_group()
        return self.code is not None

    def kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: of a group of the dead
            os.killpg(self.process.pid, signal.SIGKILL)


class _Supervisor:
    def __init__(
        self, programs: Sequence[Program], grace_s: float, relay: Callable[[bytes], object]
    ) -> None:
        self._programs = programs
        self._grace_s = grace_s
        self._relay: Callable[[bytes], object] | None = relay
        self._selector = selectors.DefaultSelector()
        self._children: list[_Child] = []
        self._asked_at: float | None = None
        self._is_impatient = False
        self._kill_at: float | None = None
        self._killed: list[Program] = []

    def run(self) -> Outcome:
        ended: Ended | None = None
        with self._signals():
            try:
                for program in self._programs:
                    self._start(program)
                while self._alive():
                    self._wait()
                    ended = ended or self._first_ended()
                    if ended or self._asked_at is not None:
                        self._stop()
                ended = ended or self._first_ended()
            finally:
                for child in self._children:
                    if not child.has_ended():
                        child.kill_group()
                        child.process.wait()
                    self._read_rest(child)
                self._selector.close()
        return Outcome(ended, self._killed)

    def _start(self, program: Program) -> None:
        process = subprocess.Popen(  # noqa: S603  the caller's own commands
            [sys.executable, "-I", "-c", _LAUNCH, str(os.getpid()), *program.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # so that Ctrl-C reaches this process alone
        )
        assert process.stdout is not None  # noqa: S101  for mypy
        os.set_blocking(process.stdout.fileno(), False)
        child = _Child(program, process)
        self._children.append(child)
        self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def _alive(self) -> list[_Child]:
        return [child for child in self._children if not child.has_ended()]

    def _wait(self) -> None:
        """Until output, a signal (SIGCHLD among them) or the deadline."""
        timeout = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
        for key, _events in self._selector.select(timeout):
            if isinstance(key.data, _Child):
                self._read(key.data)
            else:
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)

    def _first_ended(self) -> Ended | None:
        """The first that has ended before anybody asked it to."""
        if self._kill_at is not None:
            return None
        for child in self._children:
            if child.has_ended() and child.code is not None:
                self._read_rest(child)
                lines = [line.decode(errors="replace").rstrip() for line in child.last_lines]
                return Ended(child.program, child.code, lines)
        return None

    def _stop(self) -> None:
        """Ask, and kill when the time is over or somebody has asked twice."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._grace_s
            for child in self._alive():
                child.process.terminate()
        elif time.monotonic() >= self._kill_at or self._is_impatient:
            for child in self._alive():
                self._killed.append(child.program)
                child.kill_group()
                child.process.wait()

    def _read(self, child: _Child) -> bool:
        """Pass on the next whole lines; False if there is nothing to read."""
        assert child.process.stdout is not None  # noqa: S101  for mypy
        try:
            data = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(child.process.stdout)
            child.process.stdout.close()
        *lines, child.unfinished_line = (child.unfinished_line + data).split(b"\n")
        self._pass_on(child, lines)
        return bool(data)

    def _read_rest(self, child: _Child) -> None:
        """Pass on what an ended program has written; others may still hold its end of the pipe."""
        assert child.process.stdout is not None  # noqa: S101  for mypy
        while not child.process.stdout.closed and self._read(child):
            pass
        child.process.stdout.close()
        if child.unfinished_line:
            self._pass_on(child, [child.unfinished_line])
            child.unfinished_line = b""

    def _pass_on(self, child: _Child, lines: list[bytes]) -> None:
        child.last_lines.extend(lines)
        if self._relay is None or not lines:
            return
        try:
            self._relay(b"\n".join(lines) + b"\n")
        except OSError:
            self._relay = None
            self._ask()

    def _ask(self) -> None:
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Note requests to stop, and let every signal end the wait."""

        def request(number: int, frame: object) -> None:
            # One Ctrl-C may arrive twice at once, through the group and through a wrapper.
            if number == signal.SIGINT and self._asked_at is not None:
                self._is_impatient = time.monotonic() - self._asked_at > 0.5
            self._ask()

        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        self._selector.register(reader, selectors.EVENT_READ)
        before = {
            number: signal.signal(number, request)
            for number in STOP_SIGNALS
            if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN)  # nohup
        }
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()
