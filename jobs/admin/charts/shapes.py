"""A shape for each verdict, so that none is told by its colour alone."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.safestring import SafeString

from jobs.admin.charts.svg import joined, tag

_OUTLINES = {
    "queued": "M-3 0h.1M0 0h.1M3 0h.1",
    "running": "M-3-4L4 0-3 4z",
    "succeeded": "M-4 0-1 3 4-3",
    "failed": "M-3.5-3.5 3.5 3.5M-3.5 3.5 3.5-3.5",
    "timed_out": "M-3.5-4h7L-3.5 4h7z",
    "cancelled": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M-2.8 2.8 2.8-2.8",
    "interrupted": "M1.5-4.5-2.5.5h5l-4 4",
    "skipped": "M-4 2.5q4-7 7.5-1M3.5-2v3.5H0",
    "missed": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0",
    "ahead": "M-5 0h2M-1 0h2M3 0h2",
    "cut": "M-3.5 1 0-3 3.5 1",
}
"""Drawn around 0, 0 with a stroke, some 8 units wide. `ahead` is a forecast, `cut` the
top of a bar that is higher than the picture."""

LOOKS = frozenset(_OUTLINES)


def definitions(key: str, looks: Iterable[str]) -> SafeString:
    """The shapes that a picture uses; `key` tells pictures of one page apart."""
    paths = (
        tag("path", id=_name(key, look), d=_OUTLINES[look], class_="sc-shape")
        for look in sorted(set(looks) & LOOKS)
    )
    return tag("defs", joined(paths))


def shape(key: str, look: str, x: str, y: float) -> SafeString:
    """One of the `definitions`, at `x` (a percentage) and `y` (pixels)."""
    return tag("use", href=f"#{_name(key, look)}", x=x, y=y)


def lone_shape(look: str) -> SafeString:
    """A shape by itself, as in a legend; what has none is a block of its colour."""
    inside = (
        tag("path", d=_OUTLINES[look], class_="sc-shape")
        if look in LOOKS
        else tag("rect", x=-5, y=-5, width=10, height=10, class_="sc-area")
    )
    return tag("svg", inside, viewBox="-6 -6 12 12", width=12, height=12, aria_hidden="true")


def _name(key: str, look: str) -> str:
    return f"{key}-{look}"
