"""What the schedulers of one trial are given to do."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "BENCH_WORKLOAD"
STARTS = "BENCH_STARTS"
"""The file to which the tasks append."""


@dataclass(frozen=True, slots=True)
class Workload:
    """`count` jobs. With `every_s` they are due again and again, else once or hourly."""

    count: int
    lead_s: float = 8.0
    """From the end of the preparation to the moment at which the first is due."""
    every_s: int = 3600
    is_one_shot: bool = False
    is_spread: bool = False
    """The first occurrences are spread evenly over `every_s`; else all at one moment."""
    task: str = "note_start"
    executor: str = "threads"
    is_grace_default: bool = False
    """The scheduler's own misfire grace, not the longest that it knows."""
    workers: int = 5

    def offset_s(self, number: int) -> float:
        return self.every_s * number / self.count if self.is_spread else 0.0

    def as_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}


def given() -> Workload:
    """The workload of this process, which a trial has started."""
    return Workload(**json.loads(os.environ[VARIABLE]))
