"""Waiting for what other threads and processes do, with a deadline instead of a sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 20.0


def until(condition: Callable[[], T], *, deadline_s: float = DEADLINE_S) -> T:
    """The first truthy answer of `condition`; fails the test when none comes in time."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        pause.wait(0.02)
    raise AssertionError(f"waited {deadline_s} s in vain")
