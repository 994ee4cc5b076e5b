"""What a new leader puts right, a part of the jobs at a time, while it leads already."""

from __future__ import annotations

import logging

from jobs.control.schedule import accept_default_zone, repair, suspects
from jobs.executions.fencing import Lease, leading

logger = logging.getLogger(__name__)

LOOKED_AT = 1000
REPAIRED = 200
"""Jobs in one transaction."""


class Repair:
    """One pass over all jobs for each lease; the loop calls `step` until `is_going` ends."""

    def __init__(self) -> None:
        self._lease: Lease | None = None
        self._after: str | None = None

    def is_going(self, lease: Lease) -> bool:
        return lease != self._lease or self._after is not None

    def step(self, lease: Lease, limit_s: float) -> bool:
        """Look at some jobs; whether any needed it. If it raises, they are looked at again."""
        after = self._after if lease == self._lease and self._after is not None else ""
        found, last = suspects(after, among=LOOKED_AT)
        for start in range(0, len(found), REPAIRED):
            with leading(lease, limit_s) as (_, now):
                broke, mended = repair(found[start : start + REPAIRED], now=now)
            _tell(broke, mended)
        if last is None:
            accept_default_zone()
        self._lease, self._after = lease, last
        return bool(found)


def _tell(broke: list[str], mended: list[str]) -> None:
    if broke:
        logger.error(
            "Jobs are broken and will not run",
            extra={"event": "jobs.broken", "job_ids": broke},
        )
    if mended:
        logger.info("Jobs can run again", extra={"event": "jobs.mended", "job_ids": mended})
