"""A trend as small as a word, for a cell of a table."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString

from jobs.admin.charts.frame import point
from jobs.admin.charts.lines import runs_of
from jobs.admin.charts.svg import joined, tag
from jobs.admin.charts.thin import thinned

MOST_POINTS = 40
MARGIN = 0.1


def spark(values: Sequence[float | None], *, name: str) -> SafeString:
    """A line from the lowest to the highest of the values; nothing where fewer than two are
    known. `name` says in words what it shows."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return SafeString("")
    low, high = min(known), max(known)
    chosen = thinned(values, MOST_POINTS)
    curve = [(place / (len(values) - 1), values[place]) for place in chosen]

    def height(value: float) -> float:
        # What never changes stands in the middle.
        share = (value - low) / (high - low) if high > low else 0.5
        return MARGIN + share * (1 - 2 * MARGIN)

    path = "".join(
        "M" + "L".join(point(x, height(value)) for x, value in stretch)
        for stretch in runs_of(curve)
    )
    return tag(
        "svg",
        joined([tag("title", name), tag("path", d=path, class_="sc-line")]),
        viewBox="0 0 1000 1000",
        preserveAspectRatio="none",
        class_="sc-spark",
        width=80,
        height=20,
        role="img",
    )
