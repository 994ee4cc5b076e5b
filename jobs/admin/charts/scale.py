"""Round numbers for an axis that starts at 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite

MOST_STEPS = 4

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
DECIMALS = tuple(factor * 10.0**power for power in range(-3, 16) for factor in (1, 2, 5))
SECONDS = (
    *(step for step in DECIMALS if step <= 10),
    15.0,
    30.0,
    *(step * _MINUTE for step in (1, 2, 5, 10, 15, 30)),
    *(step * _HOUR for step in (1, 2, 3, 6, 12)),
    *(step * _DAY for step in DECIMALS if step >= 1),
)
BYTES = tuple(
    factor * 1024.0**power for power in range(8) for factor in (1, 2, 5, 10, 20, 50, 100, 200, 512)
)
"""Steps that read well: of plain numbers, of durations in seconds, of bytes in powers of 1024."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From 0 at the foot to `top`, with a line at each of `ticks`."""

    top: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """How far up `value` stands, from 0.0 to 1.0; what is beyond the top, at the top."""
        return min(max(value / self.top, 0.0), 1.0)


def scale_for(values: Sequence[float], steps: Sequence[float] = DECIMALS) -> Scale:
    """A scale that holds the largest of the values, in at most 4 of the steps."""
    largest = max((value for value in values if isfinite(value)), default=0.0)
    step = next((step for step in steps if largest <= MOST_STEPS * step), steps[-1])
    count = min(max(ceil(largest / step), 1), MOST_STEPS)
    return Scale(count * step, tuple(number * step for number in range(count + 1)))
