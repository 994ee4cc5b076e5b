"""What the kernel knows of a process, and of its children."""

from __future__ import annotations

import os
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident; 0 of a process that has just ended."""
    try:
        return _status(pid, "VmRSS") / 1024
    except (OSError, LookupError):
        return 0.0


def threads(pid: int) -> int:
    return _status(pid, "Threads")


def handles(pid: int) -> int:
    """Open files, sockets and the like."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_s(pid: int) -> float:
    """User and system time since its start, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def family(pid: int) -> list[int]:
    """The process, its children and theirs."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:  # it has just ended
            continue
        for child in children:
            try:
                found += family(int(child))
            except OSError:
                continue
    return found


def _status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise LookupError(key)
