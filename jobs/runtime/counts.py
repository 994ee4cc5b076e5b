"""Counts: what a scheduler has counted since its last heartbeat, for the tallies."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobs.executions import tally
from jobs.executions.fencing import bounded
from jobs.executions.tally import Counted
from jobs.models.execution import Status
from jobs.models.tally import Tally
from jobs.runtime.lease import Membership

DURATIONS_S = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
LATENESSES_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0)
"""Upper bounds of the histograms' buckets; beyond the last is `+Inf`."""

ABOVE = "+Inf"


class Sum:
    """What was counted under one key."""

    __slots__ = ("last_at", "number", "total")

    def __init__(self) -> None:
        self.number = 0
        self.total = 0.0
        self.last_at: datetime | None = None


class Batch(NamedTuple):
    """What one transaction adds, and which one of this process's it is."""

    number: int
    counted: list[Counted]
    interrupted: list[int]


class Counts:
    """Used by the loop's thread alone. A run costs three look-ups in a dictionary."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, str, str], Sum] = defaultdict(Sum)
        self._interrupted: list[int] = []
        self._number = 0
        self._batch: Batch | None = None

    @property
    def has_any(self) -> bool:
        return bool(self._sums or self._interrupted or self._batch)

    def verdict(self, job_id: str | None, status: Status, at: datetime, number: int = 1) -> None:
        """Of a job, whose runs that were missed or skipped count by their occurrences."""
        found = self._sums[Tally.VERDICT, job_id or "", status.value]
        found.number += number
        if found.last_at is None or at > found.last_at:
            found.last_at = at

    def duration(self, function: str, seconds: float) -> None:
        self._measured(Tally.DURATION, function, DURATIONS_S, seconds)

    def lateness(self, seconds: float) -> None:
        # Clocks are never quite the same.
        self._measured(Tally.LATENESS, "", LATENESSES_S, max(seconds, 0.0))

    def fault(self, kind: str) -> None:
        """A step of the loop has failed."""
        self._sums[Tally.FAULT, "", kind].number += 1

    def interrupted(self, execution_ids: Sequence[int]) -> None:
        self._interrupted += execution_ids

    def write(self, membership: Membership, limit_s: float) -> None:
        """Add what was counted to the tallies, in a transaction of its own.

        What may have been added already, as its commit was not answered, is written again alone
        and under its old number, so that it counts once; the rest is for the next time.
        """
        self._batch = self._batch or self._take()
        with bounded(limit_s) as cursor:
            if membership.begins_batch(self._batch.number):
                tally.add(cursor, self._batch.counted)
                tally.add_verdicts(cursor, self._batch.interrupted)
        self._batch = None

    def _take(self) -> Batch:
        self._number += 1
        counted = [
            Counted(*key, found.number, found.total, found.last_at)
            for key, found in self._sums.items()
        ]
        batch = Batch(self._number, counted, self._interrupted)
        self._sums.clear()
        self._interrupted = []
        return batch

    def _measured(self, metric: str, subject: str, bounds: Sequence[float], seconds: float) -> None:
        found = self._sums[metric, subject, _bucket(bounds, seconds)]
        found.number += 1
        found.total += seconds


def _bucket(bounds: Sequence[float], value: float) -> str:
    place = bisect_left(bounds, value)
    return f"{bounds[place]:g}" if place < len(bounds) else ABOVE
