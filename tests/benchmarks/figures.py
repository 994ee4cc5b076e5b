"""Figures of one measurement, and what is worked out from several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

Figures = dict[str, float | None]
"""By name; None where there is nothing to measure. Times in seconds."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    place = -(-len(ordered) * share // 1)  # rounded up
    return ordered[max(int(place) - 1, 0)]


def median_of(repeats: Sequence[Mapping[str, float | None]]) -> Figures:
    """Figure by figure, the median of several measurements of the same."""
    found: Figures = {}
    for key in repeats[0]:
        values = [value for repeat in repeats if (value := repeat.get(key)) is not None]
        found[key] = median(values) if values else None
    return found
