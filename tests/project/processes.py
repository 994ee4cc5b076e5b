"""Real processes for these tests: started, watched with deadlines, and never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without schedcore's variables, and with those given."""
    ours = ("SCHEDCORE_", "DATABASE_URL", "PORT", "DJANGO_", "MAKE", "MFLAGS")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {**clean, "SCHEDCORE_ENV_FILE": os.devnull, **variables}


def manage(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`manage.py` with these arguments, run to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as it holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what}")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process lives; a zombie, which nobody has asked for yet, does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
