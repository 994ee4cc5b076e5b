"""What goes wrong at the desk for alerts: logged once, and told to health while it lasts."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseFault

from jobs.runtime.faults import sentence_of

logger = logging.getLogger(__name__)

TOLD_AFTER_S = 15.0
"""One failure, as when the database is away for a moment, is nothing to look at."""

STILL_S = 120.0
"""Each statement of the desk ends much sooner, by itself or by its limit."""


@dataclass(frozen=True, slots=True)
class Fault:
    error: str
    since: float
    """As `time.monotonic()` tells it."""
    times: int


class AlertFaults:
    """Written by the desk's thread, read by the loop's. Each part of a step has its own fault,
    which only that part's success ends, as not all parts take part in every step."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._moved_at: float | None = None

    def moves(self) -> None:
        """The desk works, or has nothing to do."""
        self._moved_at = time.monotonic()

    def rests(self) -> None:
        """It is another process's turn, or nobody's: what failed here says nothing any more."""
        self._faults = {}
        self.moves()

    def ends(self) -> None:
        """Nobody works any more, and nobody is expected to."""
        self._faults, self._moved_at = {}, None

    def failed(self, part: str, error: Exception) -> None:
        sentence = sentence_of(error)
        last = self._faults.get(part)
        if last is None or last.error != sentence:
            logger.error(
                "Alerts could not be worked out; trying again",
                exc_info=None if isinstance(error, DatabaseFault) else error,
                extra={"event": "alert.step_failed", "error": sentence},
            )
        since, times = (last.since, last.times) if last else (time.monotonic(), 0)
        self._faults = {**self._faults, part: Fault(sentence, since, times + 1)}

    def succeeded(self, part: str) -> None:
        if part not in self._faults:
            return
        self._faults = {key: fault for key, fault in self._faults.items() if key != part}
        if not self._faults:
            logger.info("Alerts are worked out again", extra={"event": "alert.recovered"})

    def figures(self) -> dict[str, Any]:
        """`alert_fault`: what has failed again and again, and for how long; else None. Its error
        is empty where the desk's thread does not go on."""
        monotonic = time.monotonic()
        silent_s = monotonic - self._moved_at if self._moved_at is not None else 0.0
        if silent_s > STILL_S:
            return {"alert_fault": {"error": "", "age_s": round(silent_s, 1)}}
        lasting = [
            fault
            for fault in self._faults.values()
            if fault.times > 1 and monotonic - fault.since > TOLD_AFTER_S
        ]
        if not lasting:
            return {"alert_fault": None}
        oldest = min(lasting, key=lambda fault: fault.since)
        age_s = round(monotonic - oldest.since, 1)
        return {"alert_fault": {"error": oldest.error, "age_s": age_s}}
