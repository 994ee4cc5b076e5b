"""What stands around every picture: its name, its legend, its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.charts.scale import Scale
from jobs.admin.charts.shapes import lone_shape
from jobs.admin.charts.svg import Content, joined, number, percent, tag

HEIGHT = 150
TOP, FOOT = 14, 22
"""Pixels: of the plot, of the room above it, and of the labels below it."""


@dataclass(frozen=True, slots=True)
class Table:
    """The same numbers for who does not see the picture; the first column names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[Content]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend; `look` is a class of the stylesheet."""

    look: str
    label: str


def figure(
    title: str,
    picture: SafeString,
    *,
    summary: str,
    table: Table,
    legend: Sequence[Entry] = (),
    note: str = "",
) -> SafeString:
    """A picture with all that belongs to it. `summary` says in a sentence what it shows, and
    `note` how to read it: the zone of its times."""
    return tag(
        "figure",
        tag("figcaption", tag("strong", title), " ", tag("span", summary, class_="sc-quiet")),
        _legend(legend),
        picture,
        tag("p", note, class_="sc-quiet sc-note") if note else "",
        _table(title, table),
        class_="sc-chart",
    )


def empty_figure(title: str, sentence: str) -> SafeString:
    """In place of a picture of nothing."""
    return tag(
        "figure",
        tag("figcaption", tag("strong", title)),
        tag("p", sentence, class_="sc-empty"),
        class_="sc-chart",
    )


def plot(scale: Scale, ticks: Sequence[str], marks: SafeString, *, name: str) -> SafeString:
    """Marks over the lines of a scale, whose labels stand in a column of their own; so the
    plot is as wide as its room, and its text is not stretched. `name` is for screen readers."""
    whole = TOP + HEIGHT + FOOT
    labels = joined(
        tag("text", label, x="100%", y=height_of(scale, value) + 4, text_anchor="end")
        for value, label in zip(scale.ticks, ticks, strict=True)
    )
    lines = joined(
        tag("line", x1=0, x2="100%", y1=y, y2=y, class_="sc-rule" if value else "sc-floor")
        for value in scale.ticks
        for y in [height_of(scale, value)]
    )
    return tag(
        "div",
        tag("svg", labels, class_="sc-scale", height=whole, aria_hidden="true"),
        tag("svg", lines, marks, class_="sc-marks", height=whole, role="group", aria_label=name),
        class_="sc-plot",
    )


def height_of(scale: Scale, value: float) -> float:
    """The y of a value, in pixels."""
    return TOP + HEIGHT * (1 - scale.share(value))


def foot_label(text: str, share: float, *, is_minor: bool = False) -> SafeString:
    """A label below the plot, inside of it also at its ends."""
    anchor = "start" if share < 0.03 else "end" if share > 0.97 else "middle"
    return tag(
        "text",
        text,
        x=percent(share),
        y=TOP + HEIGHT + 16,
        text_anchor=anchor,
        class_="sc-minor" if is_minor else None,
    )


def inner(share: float, width: float, content: SafeString) -> SafeString:
    """Curves, drawn in a square of 1000 by 1000 that is stretched over a part of the plot."""
    return tag(
        "svg",
        content,
        x=percent(share),
        y=TOP,
        width=percent(width),
        height=HEIGHT,
        viewBox="0 0 1000 1000",
        preserveAspectRatio="none",
        class_="sc-inner",
    )


def point(x: float, y: float) -> str:
    """Shares along and up, in the square of `inner`."""
    return f"{number(x * 1000)} {number((1 - y) * 1000)}"


def _legend(entries: Sequence[Entry]) -> SafeString:
    if not entries:
        return SafeString("")
    return tag(
        "ul",
        *(tag("li", lone_shape(one.look), one.label, class_=f"sc-{one.look}") for one in entries),
        class_="sc-legend",
    )


def _table(title: str, table: Table) -> SafeString:
    head = joined(tag("th", label, scope="col") for label in table.head)
    rows = joined(
        tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
        for first, *rest in table.rows
    )
    whole = tag(
        "table",
        tag("caption", title, class_="sc-hidden"),
        tag("thead", tag("tr", head)),
        tag("tbody", rows),
    )
    return tag(
        "details",
        tag("summary", _("As a table")),
        tag("div", whole, class_="sc-scroll", tabindex=0, role="region", aria_label=title),
        class_="sc-data",
    )
