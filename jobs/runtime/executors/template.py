"""The process that children are forked from: it loads Django and the tasks once.

`ForkServer` starts it as a fresh interpreter (`START`) and speaks to it over a socket. While
it serves, it has one thread and no database connection, or it does not serve at all: a fork
copies the locks of other threads as they stand, and a shared connection mixes up its users.
It is the children's parent, so it alone knows whether a process id still means one of them:
it sends their signals, reaps them, and tells how they ended.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from jobs.runtime.executors.frames import READ_BYTES, Message, Unpacker, packed
from jobs.runtime.executors.parent import end_with_parent, kill_group
from jobs.runtime.executors.preload import forget_connections, load, wait_for_threads

START = (
    "import json, sys; given = json.load(sys.stdin); sys.path[:] = given['path']; "
    "from jobs.runtime.executors.template import main; main(given)"
)
"""For `python -c`, with JSON of `control`, `scheduler`, `path`, `modules` on standard input."""

MAX_DESCRIPTORS = 16

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Blocked until this program handles them."""


def main(given: dict[str, Any]) -> NoReturn:
    """Load, serve, and end with the scheduler; never returns to its caller."""
    faulthandler.enable()
    with open(os.devnull) as nothing:  # tasks are not asked anything
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    end_with_parent(given["scheduler"], signal.SIGKILL)  # it has no children that it should end
    heed_no_stops()
    template = Template(socket.socket(fileno=given["control"]), given["scheduler"])
    code = 0
    try:
        template.load(given["modules"])
        template.serve()
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def heed_no_stops() -> None:
    """They may come from a service manager that stops everybody; see `_is_orphan`. Handled, and
    not ignored, as programs that tasks start would inherit that."""
    for number in STOPS:
        signal.signal(number, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


class Template:
    """`control` leads to the scheduler, whose process id is `scheduler`."""

    def __init__(self, control: socket.socket, scheduler: int) -> None:
        self._control = control
        self._scheduler = scheduler
        self._unpacker = Unpacker()
        self._descriptors: deque[int] = deque()
        self._children: dict[int, int] = {}
        """Process ids by the scheduler's numbers, until they are reaped."""
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()

    def load(self, modules: Sequence[str]) -> None:
        """Load the tasks of all apps, and `modules`. A failure is told, and raised."""
        try:
            load(modules)
            # Only now, as it needs the models.
            self._child = importlib.import_module("jobs.runtime.executors.child").Child
            forget_connections()
            wait_for_threads()
        except BaseException as error:
            self._tell({"failed": f"{type(error).__name__}: {error}"[:2000], "traceback": _told()})
            raise
        gc.collect()
        gc.freeze()  # what is never looked at again is not copied to the children

    def serve(self) -> None:
        """Fork children, send their signals and reap them, until the scheduler has gone."""
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        signal.set_wakeup_fd(self._ringer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        heed_no_stops()  # again: the tasks' modules may have handlers of their own
        end_with_parent(self._scheduler, signal.SIGTERM)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._tell({"ready": True})
        while not self._is_orphan():
            ready = [key.fileobj for key, _events in self._selector.select()]
            if self._bell in ready:
                self._bell.recv(4096)
            if self._control in ready and not self._listen():
                break
            self._reap()
        self._end()

    def _is_orphan(self) -> bool:
        return os.getppid() != self._scheduler

    def _listen(self) -> bool:
        """Do what the scheduler says; False if it has hung up."""
        try:
            data, descriptors, _flags, _address = socket.recv_fds(
                self._control, READ_BYTES, MAX_DESCRIPTORS
            )
        except ConnectionError:
            return False
        self._descriptors.extend(descriptors)
        for message in self._unpacker.feed(data):
            if "fork" in message:
                self._fork(message["fork"])
            elif "signal" in message:
                self._signal(message["child"], message["signal"])
            elif "ping" in message:
                self._tell({"pong": True})
        return bool(data)

    def _tell(self, message: Message) -> None:
        with suppress(OSError):  # the scheduler is gone, which the loop will see
            self._control.sendall(packed(message))

    # -- The children --------------------------------------------------------------

    def _fork(self, number: int) -> None:
        channel, crash = self._descriptors.popleft(), self._descriptors.popleft()
        template = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell({"ended": number, "refused": str(error)})
        else:
            if not pid:
                self._become_child(template, channel, crash)
            with suppress(OSError):  # it has done so itself, or is dead already
                os.setpgid(pid, pid)
            self._children[number] = pid
            self._tell({"forked": number, "pid": pid})
        os.close(channel)
        os.close(crash)

    def _become_child(self, template: int, channel: int, crash: int) -> NoReturn:
        code = 0
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            self._selector.close()
            for end in (self._control, self._bell, self._ringer):
                end.close()
            for descriptor in self._descriptors:
                os.close(descriptor)
            os.setpgid(0, 0)
            end_with_parent(template, signal.SIGKILL)
            self._child(channel, crash).serve()
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            os._exit(code)

    def _signal(self, number: int, what: int) -> None:
        pid = self._children.get(number)
        if pid is None:
            return  # it has ended, and the scheduler will read so
        if what == signal.SIGKILL:
            os.kill(pid, what)  # it may just be out of its group; see `kill_group_left`
        with suppress(OSError):
            os.killpg(pid, what)

    def _reap(self) -> None:
        for number, pid in list(self._children.items()):
            if not _has_ended(pid):
                continue
            # As long as the dead leader is not reaped, nobody else's group has its number.
            kill_group(pid)
            _pid, status = os.waitpid(pid, 0)
            del self._children[number]
            self._tell({"ended": number, "status": status})

    def _end(self) -> None:
        """Nothing of this outlives the scheduler."""
        for number in self._children:
            self._signal(number, signal.SIGKILL)
        while self._children:
            self._reap()
            time.sleep(0.002)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # with whatever else is in this group


def _has_ended(pid: int) -> bool:
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, flags) is not None


def _told() -> str:
    return traceback.format_exc()[-20_000:]
