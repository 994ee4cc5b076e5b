"""A lane a job: what ran, what is due, and the line of now between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.utils.safestring import SafeString

from jobs.admin.charts.shapes import definitions, shape
from jobs.admin.charts.svg import joined, percent, tag
from jobs.admin.charts.time_axis import Tick, TimeAxis

LANE_HEIGHT = 28
SIGN_AT, COLUMN_TOP, COLUMN_FOOT = 6, 12, 25
"""Pixels: of the sign of what went wrong, above the columns."""
HEAD_HEIGHT = 20
NARROWEST = 0.004
"""A share of the width that can still be seen and met."""
SIGNS_APART = 0.01
"""Of signs that would lie on top of each other, only the first is drawn."""
KEY = "timeline"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One run, or several that are too close to be told apart; `verdict` is the worst."""

    start: datetime
    end: datetime
    verdict: str
    tip: str
    url: str


@dataclass(frozen=True, slots=True)
class Due:
    """An occurrence to come, or a close row of them."""

    first: datetime
    last: datetime
    tip: str


@dataclass(frozen=True, slots=True)
class Lane:
    """`label` stands in front of it, `name` is what a screen reader calls it."""

    label: SafeString
    name: str
    stretches: Sequence[Stretch]
    due: Sequence[Due] = ()


def timeline(lanes: Sequence[Lane], axis: TimeAxis, *, now: datetime, zone: tzinfo) -> SafeString:
    """Lanes under one axis; a list, whose entries are read out by their labels."""
    ticks = axis.ticks(zone)
    here = percent(axis.share(now))
    looks = {stretch.verdict for lane in lanes for stretch in lane.stretches}
    return joined(
        [
            tag(
                "div",
                tag("span"),
                tag(
                    "svg",
                    definitions(KEY, looks),
                    *(_tick_label(tick, place) for place, tick in enumerate(ticks)),
                    class_="sc-marks",
                    height=HEAD_HEIGHT,
                    aria_hidden="true",
                ),
                class_="sc-lane sc-lane-head",
            ),
            tag("ol", *(_lane(lane, axis, ticks, here) for lane in lanes), class_="sc-timeline"),
        ]
    )


def _tick_label(tick: Tick, place: int) -> SafeString:
    """Where there is little room, every other one is left out, but never a day."""
    anchor = "start" if tick.share < 0.03 else "end" if tick.share > 0.97 else "middle"
    return tag(
        "text",
        tick.label,
        x=percent(tick.share),
        y=HEAD_HEIGHT - 6,
        text_anchor=anchor,
        class_="sc-day" if tick.is_day else "sc-minor" if place % 2 else None,
    )


def _lane(lane: Lane, axis: TimeAxis, ticks: Sequence[Tick], here: str) -> SafeString:
    rules = joined(_upright(percent(tick.share), "sc-rule") for tick in ticks)
    picture = tag(
        "svg",
        rules,
        _upright(here, "sc-now"),
        *_stretches(lane.stretches, axis),
        *(_due(due, axis) for due in lane.due),
        class_="sc-marks",
        height=LANE_HEIGHT,
        role="group",
        aria_label=lane.name,
    )
    return tag("li", tag("div", lane.label, class_="sc-lane-name"), picture, class_="sc-lane")


def _upright(x: str, look: str) -> SafeString:
    return tag("line", x1=x, x2=x, y1=0, y2=LANE_HEIGHT, class_=look)


def _stretches(stretches: Sequence[Stretch], axis: TimeAxis) -> Iterator[SafeString]:
    last_sign = -SIGNS_APART
    for stretch in stretches:
        start, width = _place(stretch.start, stretch.end, axis)
        middle = start + width / 2
        has_sign = stretch.verdict != "succeeded" and middle - last_sign >= SIGNS_APART
        if has_sign:
            last_sign = middle
        yield tag(
            "a",
            tag("title", stretch.tip),
            _column(start, width),
            shape(KEY, stretch.verdict, percent(middle), SIGN_AT) if has_sign else "",
            href=stretch.url,
            tabindex=-1,
            class_=f"sc-mark sc-{stretch.verdict}",
        )


def _due(due: Due, axis: TimeAxis) -> SafeString:
    return tag(
        "g",
        tag("title", due.tip),
        _column(*_place(due.first, due.last, axis)),
        class_="sc-mark sc-due",
        role="img",
        tabindex=-1,
    )


def _place(start: datetime, end: datetime, axis: TimeAxis) -> tuple[float, float]:
    """Where it begins and how wide it is, as shares; never too narrow, nor beyond the end."""
    first = axis.share(start)
    width = max(axis.share(end) - first, NARROWEST)
    return min(first, 1 - width), width


def _column(start: float, width: float) -> SafeString:
    return tag(
        "rect",
        x=percent(start),
        y=COLUMN_TOP,
        width=percent(width),
        height=COLUMN_FOOT - COLUMN_TOP,
        class_="sc-column",
    )
