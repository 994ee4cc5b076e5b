"""The agenda: for when the leader has something to claim or to hand out, as far as it knows."""

from __future__ import annotations

import time
from datetime import datetime

from jobs.executions.claim import Upcoming

LOCKED_RETRY_S, MAX_LOCKED_RETRY_S = 0.1, 2.0
"""After which due jobs are looked at again whose rows somebody was changing."""


class Agenda:
    """Used by the loop's thread alone; moments are of the monotonic clock."""

    def __init__(self, executors: set[str]) -> None:
        self.due_at: float | None = None
        self.retry_at: float | None = None
        self.backlog: set[str] = set()
        """Executors for which something may be queued."""
        self._executors = frozenset(executors)
        self._locked_retry_s = LOCKED_RETRY_S

    def expect_anything(self) -> None:
        """Any job may be due, any run may be queued."""
        self.due_at = 0.0
        self.expect_queued()

    def expect_queued(self) -> None:
        self.backlog = set(self._executors)

    def is_due(self, monotonic: float) -> bool:
        return self.due_at is not None and monotonic >= self.due_at

    def is_retry_due(self, monotonic: float) -> bool:
        return self.retry_at is not None and monotonic >= self.retry_at

    def plan(self, now: datetime, upcoming: Upcoming, *, has_claimed: bool) -> None:
        """Take down what is due next, once everything that was due at `now` has been claimed."""
        monotonic = time.monotonic()
        self.due_at = self.retry_at = None
        if upcoming.retry is not None:
            self.retry_at = monotonic + (upcoming.retry - now).total_seconds()
        if upcoming.job is None:
            return
        wait_s = (upcoming.job - now).total_seconds()
        if wait_s <= 0 and not has_claimed:
            # Somebody is changing that job, and will bump the revision.
            wait_s = self._locked_retry_s
            self._locked_retry_s = min(self._locked_retry_s * 2, MAX_LOCKED_RETRY_S)
        else:
            self._locked_retry_s = LOCKED_RETRY_S
        self.due_at = monotonic + max(wait_s, 0.0)
