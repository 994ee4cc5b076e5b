"""The database's time between two looks at it, carried on by the monotonic clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """UTC as of the last `set`, plus the monotonic seconds since."""

    def __init__(self) -> None:
        self.set(datetime.now(UTC))

    def set(self, now: datetime) -> None:
        self._base = (now, time.monotonic())

    def now(self) -> datetime:
        return self.at(time.monotonic())

    def at(self, monotonic: float) -> datetime:
        moment, base = self._base
        return moment + timedelta(seconds=monotonic - base)


class JumpDetector:
    """Tells when this host's wall clock was set, by comparing it with the monotonic one."""

    TOLERANCE_S = 0.5

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def has_jumped(self) -> bool:
        offset = time.time() - time.monotonic()
        jumped = abs(offset - self._offset) > self.TOLERANCE_S
        self._offset = offset
        return jumped
