"""What a new leader puts right, a part of the jobs at a time, while it leads already."""

from __future__ import annotations

import logging
import time

from jobs.control.schedule import Repaired, accept_default_zone, repair, suspects
from jobs.executions.fencing import Lease, leading

logger = logging.getLogger(__name__)

LOOKED_AT = 1000
REPAIRED = 200
"""Jobs in one transaction."""

LEFT_RETRY_S = 5.0
"""After which those are looked at again that somebody was changing."""


class Repair:
    """One pass over all jobs for each lease; the loop calls `step` while it `is_due`."""

    def __init__(self) -> None:
        self._lease: Lease | None = None
        self._after: str | None = None
        self._left: list[str] = []
        self._left_since = 0.0

    def is_due(self, lease: Lease) -> bool:
        if lease != self._lease or self._after is not None:
            return True
        return bool(self._left) and time.monotonic() >= self._left_since + LEFT_RETRY_S

    def step(self, lease: Lease, limit_s: float) -> bool:
        """Look at some jobs; whether any needed it. If it raises, they are looked at again."""
        if lease != self._lease:
            self._lease, self._after, self._left = lease, "", []
        is_pass, last = self._after is not None, None
        if self._after is not None:
            found, last = suspects(self._after, among=LOOKED_AT)
        else:
            found = self._left
        left = list(self._left) if is_pass else []
        for start in range(0, len(found), REPAIRED):
            with leading(lease, limit_s) as (_, now):
                repaired = repair(found[start : start + REPAIRED], now=now)
            left += repaired.left
            _tell(repaired)
        if last is None and not left:
            accept_default_zone()
        self._after, self._left, self._left_since = last, left, time.monotonic()
        return bool(found)


def _tell(repaired: Repaired) -> None:
    if repaired.broke:
        logger.error(
            "Jobs are broken and will not run",
            extra={"event": "jobs.broken", "job_ids": repaired.broke},
        )
    if repaired.mended:
        logger.info(
            "Jobs can run again", extra={"event": "jobs.mended", "job_ids": repaired.mended}
        )
