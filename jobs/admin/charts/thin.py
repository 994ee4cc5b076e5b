"""Long ranges with as many points as can be told apart."""

from __future__ import annotations

from collections.abc import Sequence

MOST_POINTS = 180


def thinned(values: Sequence[float | None], most: int = MOST_POINTS) -> list[int]:
    """Which of the values to draw, as ascending indices: at most `most`, both ends among them.

    Of each stretch the greatest, so that no peak is lost; of one without values, its first,
    so that gaps stay.
    """
    count = len(values)
    if count <= most:
        return list(range(count))
    inner = most - 2
    chosen = [0]
    for number in range(inner):
        start = 1 + number * (count - 2) // inner
        end = 1 + (number + 1) * (count - 2) // inner
        known = [index for index in range(start, end) if values[index] is not None]
        chosen.append(max(known, key=lambda index: values[index] or 0.0, default=start))
    return [*chosen, count - 1]
