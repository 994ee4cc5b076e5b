"""A child of the fork server: performs one run after the other, and tells all of it to the
scheduler's slot at the other end of its socket.

It has one thread, the main one, in which tasks run. SIGTERM ends a run from within if the
slot has said so on the socket; others' SIGTERMs, as systemd sends to all processes of a
service that it stops, are not heeded, since the scheduler gives its runs a grace.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from types import FrameType

from django.utils.translation import gettext as _

from jobs.executions.hand_out import Handout
from jobs.models.execution import Status
from jobs.registry import StopRun
from jobs.runtime import capture
from jobs.runtime.executors.frames import READ_BYTES, BrokenFrame, Message, Unpacker, packed
from jobs.runtime.executors.leftovers import Traces, kill_group_left
from jobs.runtime.executors.outlet import SocketOutlet
from jobs.runtime.executors.wire import pack_outcome, unpack_handout
from jobs.runtime.perform import Outcome, perform
from jobs.runtime.view import View


class Child:
    """`channel` leads to the slot, `crash` is the file in which the slot looks for a stack."""

    def __init__(self, channel: int, crash: int) -> None:
        self._pid = os.getpid()
        self._server_group = os.getpgid(os.getppid())
        self._main = threading.get_ident()
        self._socket = socket.socket(fileno=channel)
        self._unpacker = Unpacker()
        self._inbox: deque[Message] = deque()
        self._lock = threading.Lock()
        self._view: View | None = None
        self._reason: str | None = None
        self._is_stopped = False
        """StopRun was raised; a second one would break the task's own clean-up."""
        self._sending = 0
        self._is_fork = False
        faulthandler.enable(file=crash)
        self._masks = threading.local()
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork,
            after_in_child=self._become_fork,
        )
        capture.install()
        self._traces = Traces()

    def serve(self) -> None:
        """Until the slot closes its end."""
        self._reset_signals()
        while self._inbox or self._receive():
            message = self._inbox.popleft()
            if "run" in message:
                self._run(unpack_handout(message["run"]))

    def _run(self, handout: Handout) -> None:
        outlet = SocketOutlet(self._send)
        view = View(handout, outlet, lambda: self._reason)
        self._reason = self._look_for_stop()
        self._is_stopped = False
        self._send({"begun": time.monotonic()})
        outcome = self._perform(view, handout)
        if os.getpid() != self._pid:
            os._exit(0)  # a process that the task has forked, and that came back here
        outlet.end()
        outcome, problem = self._tidy_up(outcome)
        self._send({"outcome": pack_outcome(outcome), "spent": problem})

    def _perform(self, view: View, handout: Handout) -> Outcome:
        self._view = view
        try:
            return perform(view, handout)
        except StopRun as stop:  # it came when the task had returned
            return Outcome(Status.CANCELLED, error=str(stop))
        finally:
            self._view = None
            view.end()

    def _tidy_up(self, outcome: Outcome) -> tuple[Outcome, str]:
        """The outcome, with a word on what the run left behind, and why this child is spent."""
        self._reset_signals()
        capture.put_back()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # the task may have closed them
                stream.flush()
        try:
            were_left, names = kill_group_left(self._server_group)
        except OSError as error:  # as when the fork server has just died
            return outcome, f"its group could not be looked at: {error}"
        if names:
            warning = _("It left processes behind, which were killed: %(names)s.")
            texts = (outcome.warning, warning % {"names": ", ".join(names)})
            outcome = replace(outcome, warning="\n".join(filter(None, texts)))
        if were_left:
            return outcome, "processes were left"
        if isinstance(outcome.exception, MemoryError):
            return outcome, "it ran out of memory"
        outcome = replace(outcome, retval=None, exception=None)  # else they count as its memory
        return outcome, self._traces.problem()

    @property
    def _is_main(self) -> bool:
        return threading.get_ident() == self._main

    # -- The socket ----------------------------------------------------------------

    def _receive(self) -> bool:
        """Wait for the next messages; False if there will be none."""
        while not self._inbox:
            try:
                data = self._socket.recv(READ_BYTES)
            except OSError:
                return False
            if not data:
                return False
            self._inbox.extend(self._unpacker.feed(data))
        return True

    def _send(self, message: Message) -> None:
        """From any thread; a stop waits until the message is whole."""
        if self._is_fork:
            return  # two processes would write into each other's messages
        data = packed(message)
        is_main = self._is_main
        self._sending += is_main
        try:
            with self._lock:
                self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            os._exit(1)  # the scheduler is gone
        except OSError:
            pass  # the task has closed the socket; the slot sees its end, and ends this process
        finally:
            self._sending -= is_main
        if is_main and self._view is not None:
            self._stop_if_asked()

    # -- The stop ------------------------------------------------------------------

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        if self._view is None or self._is_fork:
            return
        if self._reason is None:
            with suppress(OSError, BrokenFrame):
                data = self._socket.recv(READ_BYTES, socket.MSG_DONTWAIT)
                self._inbox.extend(self._unpacker.feed(data))
            self._reason = self._look_for_stop()
        self._stop_if_asked()

    def _reset_signals(self) -> None:
        """Whatever a task has set."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _look_for_stop(self) -> str | None:
        reasons = [message["stop"] for message in self._inbox if "stop" in message]
        return reasons[0] if reasons else None

    def _stop_if_asked(self) -> None:
        view, reason = self._view, self._reason
        if reason is None or view is None or view.is_over or self._is_stopped or self._sending:
            return
        self._is_stopped = True
        raise StopRun(reason)

    # -- Forks of the task's own -----------------------------------------------------

    def _before_fork(self) -> None:
        """A SIGTERM that comes now to the new process, as by its creator, is not to be lost."""
        self._sending += self._is_main  # what is raised here would be lost
        self._masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

    def _after_fork(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)
        self._sending -= self._is_main

    def _become_fork(self) -> None:
        """In the new process nothing of this one's duties is its own."""
        self._is_fork = True
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)
