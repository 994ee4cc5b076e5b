"""Which process this is, and whether another one of this host still lives."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Identity:
    """A scheduler process; `id` is new with every start."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    host: str = field(default_factory=socket.gethostname)
    host_id: str = field(default_factory=lambda: host_id())
    pid: int = field(default_factory=os.getpid)


def host_id() -> str:
    """Names the space in which a pid means one process: this boot, this pid namespace.

    Empty where the system does not tell; then nothing is concluded from a pid.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return f"{boot}/{namespace}"


def is_known_dead(other_host_id: str, pid: int) -> bool:
    """True only if the process was of this host and its pid is free, or this process's, now."""
    if not other_host_id or other_host_id != host_id():
        return False
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
