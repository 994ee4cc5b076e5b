"""How the last day went, beside the one before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.models import Status
from jobs.overview.ended import Ended


@dataclass(frozen=True, slots=True)
class Day:
    """Runs by their verdict; of missed and skipped ones the occurrences, which one row may
    stand for many of."""

    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    interrupted: int = 0
    missed: int = 0
    skipped: int = 0

    @property
    def bad(self) -> int:
        return self.failed + self.timed_out + self.interrupted

    @property
    def success_rate(self) -> float | None:
        """Of the runs that did or did not do what they were for; None if there were none."""
        all_of_them = self.succeeded + self.bad
        return self.succeeded / all_of_them if all_of_them else None


def two_days(rows: Iterable[Ended]) -> tuple[Day, Day]:
    """The last 24 hours, and the 24 before."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for row in rows:
        if row.status in Day.__slots__:
            is_one_run = row.status not in (Status.MISSED, Status.SKIPPED)
            counts[row.is_recent][row.status] += row.runs if is_one_run else row.occurrences
    return Day(**counts[True]), Day(**counts[False])
