"""What a task sees of its run, and where that sends what the task says."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from django.utils.translation import gettext as _

from jobs.conf import conf
from jobs.executions.hand_out import Handout
from jobs.registry import CurrentExecution, StopRun

MAX_TEXT = 20_000
"""Characters of one line, warning, error or traceback."""


class Outlet(Protocol):
    """Takes what a task says while it runs. `at` is `time.monotonic()`, which all processes
    of a host share. Called from any thread, by one at a time; never after `View.end`."""

    def line(self, at: float, level: int, logger: str, message: str) -> None: ...

    def progress(self, done: float, total: float | None, message: str) -> None: ...

    def warning(self, message: str) -> None: ...


class _Telling(threading.local):
    now = False


_telling = _Telling()


def is_telling() -> bool:
    """Whether this thread is handing something to an outlet: what is said meanwhile, by the
    outlet itself or by a finalizer that happens to run, must not go there too."""
    return _telling.now


class View(CurrentExecution):
    """A run as its task sees it, in whichever process that is.

    `stop_reason` tells why the run has to end, or None.
    """

    def __init__(
        self, handout: Handout, outlet: Outlet, stop_reason: Callable[[], str | None]
    ) -> None:
        self.id = handout.execution_id
        self.job_id = handout.job_id
        self.scheduled_for = handout.scheduled_for
        self.attempt = handout.attempt
        self.epoch = handout.epoch
        self.source = handout.source
        self.requested_by = handout.requested_by
        self.is_over = False
        """The task has returned; what its threads say from now on is not the run's."""
        self.shown_warnings: set[int] = set()
        """What of `warnings.warn` it has shown; for `capture`."""
        self._outlet = outlet
        self._stop_reason = stop_reason
        self._lock = threading.Lock()
        self._lines_left = conf().run_log_lines
        self._bytes_left = conf().run_log_bytes
        self._is_cut = False
        self._begun: dict[tuple[str, int], tuple[int, str]] = {}
        """By stream and thread, the level and the text of a line that has no end yet."""

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.check()
        done, total = float(done), None if total is None else float(total)
        if total is not None and not math.isfinite(total):
            total = None
        text = storable(str(message))[:500]
        if math.isfinite(done):  # else there is nothing to show: no JSON, no column has it
            self._tell(lambda: self._outlet.progress(done, total, text))

    def check(self) -> None:
        reason = self._stop_reason()
        if reason is not None:
            raise StopRun(reason)

    def warn(self, message: str) -> None:
        text = _shortened(str(message))
        self._tell(lambda: self._outlet.warning(text))
        self.log(logging.WARNING, "", text)

    def log(self, level: int, name: str, message: str) -> None:
        """Keep a line of the run's log, up to a number of lines and of bytes."""
        self._tell(lambda: self._keep(level, name, message))

    def write(self, level: int, name: str, text: str) -> None:
        """Take text as a stream gets it: a line is kept when it ends, at the latest by `end`."""
        self._tell(lambda: self._gather(level, name, text))

    def end(self) -> None:
        """The task has returned: keep its unfinished lines, and take nothing more."""
        self._tell(self._close)

    def _tell(self, tell: Callable[[], None]) -> None:
        if _telling.now:
            return
        try:
            _telling.now = True  # in here: a signal may raise at any point
            with self._lock:
                if not self.is_over:
                    tell()
        finally:
            _telling.now = False

    def _keep(self, level: int, name: str, message: str) -> None:
        if self._is_cut:
            return
        message = _shortened(message)
        size = len(message.encode())
        if not self._lines_left or size > self._bytes_left:
            self._is_cut = True
            level, name = logging.WARNING, ""
            message = _("The log is cut here: it is too long.")
        self._lines_left -= 1
        self._bytes_left -= size
        level = min(max(level // 10 * 10, logging.DEBUG), logging.CRITICAL)
        self._outlet.line(time.monotonic(), level, storable(name)[:200], message)

    def _gather(self, level: int, name: str, text: str) -> None:
        key = (name, threading.get_ident())
        _level, begun = self._begun.pop(key, (level, ""))
        *whole, rest = (begun + text).split("\n")
        for line in whole:
            self._keep(level, name, _as_shown(line).rstrip("\r"))
        rest = _as_shown(rest)
        while len(rest) >= MAX_TEXT:
            self._keep(level, name, rest[:MAX_TEXT])
            rest = rest[MAX_TEXT:]
        if rest:
            self._begun[key] = (level, rest)

    def _close(self) -> None:
        for (name, _thread), (level, text) in self._begun.items():
            self._keep(level, name, text.rstrip("\r"))
        self._begun.clear()
        self.is_over = True


def storable(text: str) -> str:
    """The text without what a database cannot store: NUL and half surrogate pairs."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def _shortened(text: str) -> str:
    """Storable, and said where it is cut."""
    text = storable(text[: MAX_TEXT + 1])
    if len(text) <= MAX_TEXT:
        return text
    mark = _(" … (cut here)")
    return text[: MAX_TEXT - len(mark)] + mark


def _as_shown(line: str) -> str:
    """What a terminal would show of it: a carriage return begins the line anew."""
    return line[line.rstrip("\r").rfind("\r") + 1 :]
