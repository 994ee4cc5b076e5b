"""One run in one child: what is said to it, what it says, and how it is ended."""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import time
from collections.abc import Callable

from django.utils.translation import gettext as _

from jobs.models.execution import Status
from jobs.runtime.executors.bell import Bell
from jobs.runtime.executors.endings import end_of_child
from jobs.runtime.executors.fork_server import ANSWER_LIMIT_S, ForkServer
from jobs.runtime.executors.forked import Forked
from jobs.runtime.executors.frames import READ_BYTES, BrokenFrame, Message, Unpacker, packed
from jobs.runtime.executors.wire import TaskFailed, pack_handout, unpack_outcome
from jobs.runtime.perform import Outcome
from jobs.runtime.run import Run

logger = logging.getLogger(__name__)

KILL_GRACE_S = 5.0
"""From SIGTERM to SIGKILL."""

BEGIN_LIMIT_S = 30.0
"""For a child to begin its run."""

SILENT_LIMIT_S = 1.0
"""For a child to end whose socket is closed."""


class Dialogue:
    """`grace_s` is what the run gets from SIGTERM to SIGKILL, `stop_reason` why it has to end,
    once it has to. In the slot's thread, which `bell` wakes."""

    def __init__(
        self,
        server: ForkServer,
        child: Forked,
        run: Run,
        bell: Bell,
        stop_reason: Callable[[], str | None],
        grace_s: Callable[[], float],
    ) -> None:
        self._server = server
        self._child = child
        self._run = run
        self._bell = bell
        self._stop_reason = stop_reason
        self._grace_s = grace_s
        self._unpacker = Unpacker()
        self._outcome: Outcome | None = None
        self._fault = ""
        self._begin_by = time.monotonic() + BEGIN_LIMIT_S
        self._stopped_at: float | None = None
        self._kill_at: float | None = None
        self._check_at: float | None = None
        self._is_eof = False
        self.has_begun = False
        self.stopped_for: str | None = None
        self.was_killed = False
        self.spent = ""
        """Why the child should take no other run."""

    def hold(self) -> Outcome | None:
        """How the run ended; None if the child ended before it had begun, so that another may."""
        channel = self._child.channel
        channel.settimeout(BEGIN_LIMIT_S)  # for sending; it is read when there is something
        self._say({"run": pack_handout(self._run.handout)})
        with selectors.DefaultSelector() as selector:
            selector.register(channel, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while self._outcome is None and not self._child.gone.is_set():
                for key, _events in selector.select(self._wait_s()):
                    if key.fileobj is self._bell:
                        self._bell.answer()
                    else:
                        self._listen()
                if self._is_eof and channel in selector.get_map():
                    selector.unregister(channel)
                self._press()
        while self._outcome is None and self._listen():
            pass  # what it had said before its end
        return self._concluded()

    # -- What it says ----------------------------------------------------------------

    def _listen(self) -> bool:
        """Take what has come; False if there is nothing."""
        if self._is_eof:
            return False
        try:
            data = self._child.channel.recv(READ_BYTES, socket.MSG_DONTWAIT)
            for message in self._unpacker.feed(data):
                self._hear(message)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        except BrokenFrame as error:
            self._fault = _("Its process said something that cannot be understood: %(error)s.")
            self._fault %= {"error": error}
            data = b""
        if not data:
            self._is_eof = True
            self._kill_by(time.monotonic() + (0.0 if self._fault else SILENT_LIMIT_S))
        return bool(data)

    def _hear(self, message: Message) -> None:
        run = self._run
        if "line" in message:
            run.line(*message["line"])
        elif "progress" in message:
            run.progress(*message["progress"])
        elif "warning" in message:
            run.warning(message["warning"])
        elif "begun" in message:
            self.has_begun = True
            run.begin(message["begun"])
        elif "outcome" in message:
            self.spent = message["spent"]
            self._outcome = unpack_outcome(message["outcome"])

    # -- What is said to it, and done to it --------------------------------------------

    def _say(self, message: Message) -> None:
        try:
            self._child.channel.sendall(packed(message))
        except TimeoutError:
            self._kill_by(time.monotonic())
        except OSError:
            pass  # it is gone, or about to be

    def _press(self) -> None:
        """Do what it is time for."""
        now = time.monotonic()
        if (reason := self._stop_reason()) is not None:
            if self._stopped_at is None:
                self._stopped_at, self.stopped_for = now, reason
                self._say({"stop": reason})
                self._server.signal(self._child, signal.SIGTERM)
            self._kill_by(self._stopped_at + self._grace_s())
        if not self.has_begun and now >= self._begin_by:
            self._kill_by(now)
        if self._kill_at is not None and now >= self._kill_at and not self.was_killed:
            self.was_killed = True
            self._check_at = now + ANSWER_LIMIT_S
            self._server.signal(self._child, signal.SIGKILL)
        if self._check_at is not None and now >= self._check_at:
            self._server.check()
            self._check_at = time.monotonic() + ANSWER_LIMIT_S

    def _kill_by(self, moment: float) -> None:
        self._kill_at = moment if self._kill_at is None else min(self._kill_at, moment)

    def _wait_s(self) -> float | None:
        """Until `_press` may have something to do without being woken."""
        moments = [self._check_at if self.was_killed else self._kill_at]
        if self._stopped_at is None:
            moments.append(self._run.deadline)
        if not self.has_begun and not self.was_killed:
            moments.append(self._begin_by)
        known = [moment for moment in moments if moment is not None]
        return max(min(known) - time.monotonic(), 0.0) if known else None

    # -- How it ended ------------------------------------------------------------------

    def _concluded(self) -> Outcome | None:
        if self._outcome is not None:
            return self._outcome
        stack = self._child.stack()
        if self.stopped_for is not None:
            how = self._how_stopped()
            if self.was_killed:
                self._run.line(time.monotonic(), logging.WARNING, "", how)
            return Outcome(Status.CANCELLED, error=self.stopped_for, how=how, traceback=stack)
        if self._child.refused:
            sentence = _("No process could be started for it: %(error)s.")
            return failed(sentence % {"error": self._child.refused})
        if not self.has_begun:
            return None
        return failed(self._fault or self._how_ended(), stack)

    def _how_stopped(self) -> str:
        """What there is to say of its end, besides that it was stopped."""
        if self.was_killed:
            sentence = _("It did not end within %(grace)g s of SIGTERM, so it got SIGKILL.")
            return sentence % {"grace": self._grace_s()}
        is_ours = self._child.status == signal.SIGTERM  # so that is its wait status
        return self._how_ended() if self.has_begun and not is_ours else ""

    def _how_ended(self) -> str:
        status = self._child.status
        if status is None:
            sentence = _("The fork server ended (%(how)s), and its process with it.")
            return sentence % {"how": self._child.server_end}
        if self.was_killed:
            return _("Its process closed the connection to the scheduler, and was killed.")
        return end_of_child(status)


def failed(sentence: str, traceback: str = "") -> Outcome:
    return Outcome(
        Status.FAILED, error=sentence, traceback=traceback, exception=TaskFailed(sentence)
    )
