"""What a run leaves behind in its child, and whether another run may have that child."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GROWTH_LIMIT_BYTES = 256 * 1024 * 1024
"""A child that has grown by more than that is replaced."""

THREADS_GRACE_S = 0.1
"""How long threads that are about to end, as those of a thread pool, get for it."""

LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]

OF_PYTHON = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Helpers that `multiprocessing` keeps; they are ended without a word."""

_STATM = Path("/proc/self/statm")


class Traces:
    """Compares a child before and after its runs."""

    def __init__(self) -> None:
        self._size = _size_bytes()
        self._surroundings = _surroundings()

    def problem(self) -> str:
        """Why the child had better not take another run; empty if nothing speaks against it."""
        if _surroundings() != self._surroundings:
            return "its folder or its limits were changed"
        if _size_bytes() - self._size > GROWTH_LIMIT_BYTES:
            return "its memory has grown"
        if _has_threads():
            return "threads were left"
        return ""


def kill_group_left(server_group: int) -> tuple[bool, list[str]]:
    """Kill all other processes of this process's group: whether there were any, and the names
    of those that were alive.

    This process steps out of the group meanwhile, into that of its fork server.
    """
    group = os.getpid()
    os.setpgid(0, server_group)
    try:
        os.killpg(group, 0)
        names = list(_members(group))
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False, []
    except PermissionError:  # they belong to another user
        return True, []
    finally:
        os.setpgid(0, 0)
    return True, names


def _members(group: int) -> Iterator[str]:
    """“name (pid)” of the group's living processes, where the system tells (Linux)."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            name, _bracket, rest = process.joinpath("stat").read_text().rpartition(")")
            state, _parent, its_group = rest.split()[:3]
            if int(its_group) != group or state in "ZX":
                continue
            command = process.joinpath("cmdline").read_text(errors="replace")
            if not any(helper in command for helper in OF_PYTHON):
                yield f"{name.partition('(')[2]} ({process.name})"


def _has_threads() -> bool:
    deadline = time.monotonic() + THREADS_GRACE_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            with suppress(RuntimeError):  # a thread that is not started or not Python's
                thread.join(max(deadline - time.monotonic(), 0.0))
    # Those of `_thread` are not enumerated.
    while len(sys._current_frames()) > 1:
        if time.monotonic() >= deadline:
            return True
        time.sleep(0.002)
    return False


def _surroundings() -> tuple[object, ...]:
    try:
        folder = os.getcwd()
    except OSError:
        folder = ""
    return (folder, *(resource.getrlimit(limit) for limit in LIMITS))


def _size_bytes() -> int:
    """Memory in use; 0 where the system does not tell (Linux does)."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0
