"""Counts: what a scheduler has counted since its last heartbeat, for the tallies."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from jobs.executions import tally
from jobs.executions.tally import Counted
from jobs.models.execution import Status
from jobs.models.tally import Tally

DURATIONS_S = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
LATENESSES_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0)
"""Upper bounds of the histograms' buckets; beyond the last is `+Inf`."""

ABOVE = "+Inf"


class Counts:
    """Used by the loop's thread alone. It costs a run about as much as one log line less."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, str], Counted] = {}
        self._interrupted: deque[int] = deque()

    @property
    def has_any(self) -> bool:
        return bool(self._counted or self._interrupted)

    def verdict(self, job_id: str | None, status: Status, at: datetime, number: int = 1) -> None:
        self._add(Counted(Tally.VERDICT, job_id or "", status.value, number, 0.0, at))

    def duration(self, function: str, seconds: float) -> None:
        bucket = _bucket(DURATIONS_S, seconds)
        self._add(Counted(Tally.DURATION, function, bucket, 1, seconds, None))

    def lateness(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)
        self._add(Counted(Tally.LATENESS, "", _bucket(LATENESSES_S, seconds), 1, seconds, None))

    def fault(self, kind: str) -> None:
        """A step of the loop has failed."""
        self._add(Counted(Tally.FAULT, "", kind, 1, 0.0, None))

    def interrupted(self, execution_ids: Sequence[int]) -> None:
        self._interrupted.extend(execution_ids)

    def write(self, cursor: CursorWrapper) -> None:
        """Add all to the tallies, in the caller's transaction. Call `forget` once that is
        committed; until then nothing is lost."""
        tally.add(cursor, list(self._counted.values()))
        tally.add_verdicts(cursor, list(self._interrupted))

    def forget(self) -> None:
        self._counted.clear()
        self._interrupted.clear()

    def _add(self, one: Counted) -> None:
        key = one[:3]
        known = self._counted.get(key)
        if known is not None:
            at = (
                known.last_at
                if one.last_at is None
                else max(known.last_at or one.last_at, one.last_at)
            )
            one = one._replace(
                number=known.number + one.number, total=known.total + one.total, last_at=at
            )
        self._counted[key] = one


def _bucket(bounds: Sequence[float], value: float) -> str:
    place = bisect_left(bounds, value)
    return f"{bounds[place]:g}" if place < len(bounds) else ABOVE
