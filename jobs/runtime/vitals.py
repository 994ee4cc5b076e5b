"""Vitals: what the loop measures of itself and of its database, for health."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timedelta
from statistics import median
from typing import Any

WINDOW_S = 300.0
MAX_SAMPLES = 1000

WORTH_COMPARING = timedelta(seconds=0.5)
"""An answer that took longer tells nothing of the clocks."""


class Vitals:
    """Used by the loop's thread alone."""

    def __init__(self) -> None:
        self._last_tick_at: datetime | None = None
        self._clock_ahead_s: float | None = None
        self._writes: deque[tuple[float, float]] = deque(maxlen=MAX_SAMPLES)

    def went_round(self, now: datetime) -> None:
        """A step of the loop has ended without a fault."""
        self._last_tick_at = now

    def wrote(self, took_s: float) -> None:
        """A heartbeat is written; from the beginning of its transaction to the commit."""
        self._writes.append((time.monotonic(), took_s))

    def compared(self, asked_at: datetime, told_at: datetime, database: datetime) -> None:
        """What the database's clock said between two moments of this host's."""
        took = told_at - asked_at
        if abs(took) < WORTH_COMPARING:
            self._clock_ahead_s = round((asked_at + took / 2 - database).total_seconds(), 3)

    def figures(self) -> dict[str, Any]:
        since = time.monotonic() - WINDOW_S
        writes = [took_s for at, took_s in self._writes if at >= since]
        return {
            "last_tick_at": self._last_tick_at.isoformat() if self._last_tick_at else None,
            "clock_ahead_s": self._clock_ahead_s,
            "database_write_p50_s": round(median(writes), 6) if writes else None,
            "database_write_max_s": round(max(writes), 6) if writes else None,
        }
