"""The watchdog: ends a process whose loop hangs or has died, with a stack dump of all threads.

An outage is no hang: a statement that waits for a database that has fallen silent is cut off,
and the loop goes on trying. Nothing here waits for the loop, for the database or for a lock
that one of them may hold, as that of a log handler whose pipe is full.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import IO, Protocol

from jobs.conf import conf
from jobs.runtime.aside import aside
from jobs.runtime.pulse import Pulse
from jobs.runtime.systemd import Notifier

logger = logging.getLogger(__name__)

STUCK = 70
"""The exit code of a process whose loop hung or died (EX_SOFTWARE)."""

LOOK_S = 1.0

CUT_AFTER_S = 12.0
"""In one statement. The server ends each that takes more than 10 s, if it is there at all."""

STUCK_AFTER_S = 25.0
"""More than SQLite waits for a lock (20 s), and with the last words less than 30."""

CONNECT_LIMIT_S = 120.0
"""A connection attempt may take that long, as the names of an unreachable network do."""

FROZEN_AFTER_S = 60.0
"""When not even this thread runs, because another one never lets go of Python's lock, the C
library's clock ends the process (exit code 1). Longer than the rest, and at least two TTLs: it
cannot tell that from a process that was stopped as a whole, by SIGSTOP or `docker pause`. Such
a one goes on unharmed after a shorter stop; after a longer one it ends as it goes on, unless
this thread happens to run first, since the clock has run meanwhile and no other thread of ours
could look at it without that lock."""

LAST_WORDS_S = 2.0

CLOCK_DELAY_S = 5.0
"""The C library's clock goes off that much later than `give_up`, which says more."""

FROZEN_LOOKS = 5
"""A look that comes that many intervals late shows that the whole process stood still."""


class Watched(Protocol):
    pulse: Pulse

    @property
    def stuck_for_s(self) -> float:
        """Seconds of silence; endless if the loop has died."""


class Watchdog:
    """A thread that looks at the loop every second, and tells systemd that it works."""

    def __init__(
        self,
        watched: Watched,
        notifier: Notifier,
        *,
        status: Callable[[], str],
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._watched = watched
        self._notifier = notifier
        self._status = status
        self._end = end
        self._stopped = threading.Event()
        self._setting_clock = threading.Lock()
        self._awake_since = self._last_look = time.monotonic()

    def start(self) -> None:
        """Watch from now on, until `stop`."""
        self._awake_since = self._last_look = time.monotonic()
        threading.Thread(target=self._run, name="schedcore-watchdog", daemon=True).start()

    def stop(self, *, ends_within_s: float | None = None) -> None:
        """Watch no longer. A process that is still there after `ends_within_s` is ended by the
        C library's clock, which needs no lock of Python's, where others cannot (exit code 1)."""
        with self._setting_clock:
            self._stopped.set()
            if ends_within_s is None:
                faulthandler.cancel_dump_traceback_later()
            else:
                _set_clock(ends_within_s + CLOCK_DELAY_S)

    def look(self) -> bool:
        """Whether the loop works, or may yet; what can be done for it, is done."""
        silent_s = self._silent_s()
        limit_s = CONNECT_LIMIT_S if self._watched.pulse.is_connecting else STUCK_AFTER_S
        if silent_s > limit_s:
            return False
        if silent_s > CUT_AFTER_S and self._watched.pulse.cut():
            _tell(
                logging.WARNING,
                "The database does not answer; its connection was cut",
                event="watchdog.cut",
                silent_s=round(silent_s, 1),
            )
        self._notifier.alive()
        self._notifier.status(self._status())
        return True

    def _run(self) -> None:
        frozen_s = max(FROZEN_AFTER_S, 2 * conf().lease_ttl_s)
        while True:
            with self._setting_clock:
                if self._stopped.is_set():
                    return
                _set_clock(frozen_s)
            if not self.look() and not self._stopped.is_set():
                give_up("The scheduler's loop hangs or has died; ending this process", self._end)
                return
            next_sign_s = self._notifier.next_sign_in_s
            self._stopped.wait(LOOK_S if next_sign_s is None else min(LOOK_S, next_sign_s))

    def _silent_s(self) -> float:
        """The loop's silence while this thread was awake; a process that was stopped as a whole
        is given its time anew."""
        now = time.monotonic()
        if now - self._last_look > FROZEN_LOOKS * LOOK_S:
            self._awake_since = now
        self._last_look = now
        silent_s = self._watched.stuck_for_s
        return silent_s if silent_s == float("inf") else min(silent_s, now - self._awake_since)


def give_up(why: str, end: Callable[[int], object] = os._exit) -> None:
    """End the process at once, whatever its threads do, and leave what they did on standard
    error."""
    aside(lambda: _say_last_words(why), patience_s=LAST_WORDS_S)
    end(STUCK)


def _set_clock(seconds: float) -> None:
    """End the process after so long, unless it is set again."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=_open_without_waiting())


@cache
def _open_without_waiting() -> int:
    """Standard error, but for what can be full a way of our own to it, on which a write fails
    then: else the clock would wait for somebody to read, instead of ending the process."""
    number = _standard_error()
    mode = os.fstat(number).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        with suppress(OSError):  # there is no /dev/fd, or it may not be opened again
            return os.open(f"/dev/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return number


def _say_last_words(why: str) -> None:
    rest = _stacks()  # first: the log may be what hangs
    while rest:
        rest = rest[os.write(_standard_error(), rest) :]
    logger.critical(why, extra={"event": "scheduler.stuck"})


def _stacks() -> bytes:
    """Of all threads. Not written to standard error at once, as Python's lock is held meanwhile,
    and nobody may read there."""
    with _memory() as file:
        faulthandler.dump_traceback(file=file)
        file.seek(0)
        return file.read()


def _memory() -> IO[bytes]:
    with suppress(AttributeError, OSError):  # Linux has it; elsewhere the disk must not be full
        return open(os.memfd_create("stacks"), "w+b")
    return tempfile.TemporaryFile()


def _tell(level: int, message: str, **keys: object) -> None:
    """Log aside: the loop may hang in a log handler, and hold its lock."""
    threading.Thread(
        target=logger.log, args=(level, message), kwargs={"extra": keys}, daemon=True
    ).start()


def _standard_error() -> int:
    """The real one, whatever a task has put in its place."""
    stream = sys.__stderr__
    return stream.fileno() if stream is not None else 2
