"""The tie of a process to its parent: it dies with it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, number: signal.Signals) -> None:
    """Get the signal when the parent dies, even of SIGKILL, where the kernel can do that
    (Linux). Ends at once if `parent` is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def kill_group(leader: int) -> None:
    """Kill all processes of a group."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: of a group of the dead
        os.killpg(leader, signal.SIGKILL)
