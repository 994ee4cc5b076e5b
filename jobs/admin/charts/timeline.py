"""A lane a job: what ran, what is due, and the line of now between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.utils.safestring import SafeString

from jobs.admin.charts.shapes import definitions, shape
from jobs.admin.charts.svg import joined, percent, tag
from jobs.admin.charts.time_axis import Tick, TimeAxis

LANE_HEIGHT = 28
SIGN_AT, BAR_TOP, BAR_FOOT = 6, 12, 25
"""Pixels: of the sign of what went wrong, above the bars."""
HEAD_HEIGHT = 20
NARROWEST = 0.004
"""A share of the width that can still be seen and met."""
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
    """An occurrence to come."""

    at: datetime
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
                    *(_tick_label(tick) for tick in ticks),
                    class_="sc-marks",
                    height=HEAD_HEIGHT,
                    aria_hidden="true",
                ),
                class_="sc-lane sc-lane-head",
            ),
            tag("ol", *(_lane(lane, axis, ticks, here) for lane in lanes), class_="sc-timeline"),
        ]
    )


def _tick_label(tick: Tick) -> SafeString:
    anchor = "start" if tick.share < 0.03 else "end" if tick.share > 0.97 else "middle"
    return tag(
        "text",
        tick.label,
        x=percent(tick.share),
        y=HEAD_HEIGHT - 6,
        text_anchor=anchor,
        class_="sc-day" if tick.is_day else None,
    )


def _lane(lane: Lane, axis: TimeAxis, ticks: Sequence[Tick], here: str) -> SafeString:
    rules = joined(_upright(percent(tick.share), "sc-rule") for tick in ticks)
    picture = tag(
        "svg",
        rules,
        _upright(here, "sc-now"),
        *(_stretch(stretch, axis) for stretch in lane.stretches),
        *(_due(due, axis) for due in lane.due),
        class_="sc-marks",
        height=LANE_HEIGHT,
        role="group",
        aria_label=lane.name,
    )
    return tag("li", tag("div", lane.label, class_="sc-lane-name"), picture, class_="sc-lane")


def _upright(x: str, look: str) -> SafeString:
    return tag("line", x1=x, x2=x, y1=0, y2=LANE_HEIGHT, class_=look)


def _stretch(stretch: Stretch, axis: TimeAxis) -> SafeString:
    start = axis.share(stretch.start)
    width = max(axis.share(stretch.end) - start, NARROWEST)
    start = min(start, 1 - width)
    sign = (
        [shape(KEY, stretch.verdict, percent(start + width / 2), SIGN_AT)]
        if stretch.verdict != "succeeded"
        else []
    )
    return tag(
        "a",
        tag("title", stretch.tip),
        tag(
            "rect", x=percent(start), y=0, width=percent(width), height=LANE_HEIGHT, class_="sc-hit"
        ),
        tag("g", _bar(start, width), *sign, class_=f"sc-{stretch.verdict}"),
        href=stretch.url,
        tabindex=-1,
        class_="sc-mark",
    )


def _due(due: Due, axis: TimeAxis) -> SafeString:
    start = min(axis.share(due.at), 1 - NARROWEST)
    return tag(
        "g",
        tag("title", due.tip),
        _bar(start, NARROWEST),
        class_="sc-mark sc-due",
        role="img",
        tabindex=-1,
    )


def _bar(start: float, width: float) -> SafeString:
    return tag(
        "rect",
        x=percent(start),
        y=BAR_TOP,
        width=percent(width),
        height=BAR_FOOT - BAR_TOP,
        class_="sc-column",
    )
