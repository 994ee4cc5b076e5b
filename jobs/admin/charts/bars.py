"""Durations of runs: a bar each, in their order, with lines at p50 and p95."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import ceil

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.charts.frame import (
    HEIGHT,
    TOP,
    Entry,
    Table,
    empty_figure,
    figure,
    foot_label,
    height_of,
    plot,
)
from jobs.admin.charts.scale import SECONDS, Scale, scale_for
from jobs.admin.charts.shapes import definitions, shape
from jobs.admin.charts.svg import joined, percent, tag
from jobs.admin.charts.time_axis import labels_of

MOST_LABELS = 6
FEWEST_SLOTS = 20
"""A job's first runs are not stretched over the whole width."""
CUT_ABOVE = 3
"""A run longer than that many times p95 would press all others flat; its bar is cut."""


@dataclass(frozen=True, slots=True)
class Run:
    """`duration_s` is None of what never ran. `tip` is its whole story in a line."""

    at: datetime
    duration_s: float | None
    verdict: str
    verdict_label: str
    tip: str
    url: str


def durations(
    runs: Sequence[Run],
    *,
    title: str,
    zone: tzinfo,
    note: str,
    words: Callable[[float], str],
    key: str = "durations",
) -> SafeString:
    """Runs, the oldest first, as bars; `words` writes seconds, `note` names the zone.

    A bar's height is the duration, its colour and the shape on top the verdict; each leads to
    its run. p50 and p95 are of the runs that have a duration.
    """
    if not runs:
        return empty_figure(title, _("It has not run yet."))
    known = sorted(run.duration_s for run in runs if run.duration_s is not None)
    p50, p95 = quantile(known, 0.5), quantile(known, 0.95)
    top = min(known[-1], CUT_ABOVE * p95) if known else 0.0
    scale = scale_for([top], SECONDS)
    slots = max(len(runs), FEWEST_SLOTS)
    marks = joined(_mark(key, run, place, slots, scale) for place, run in enumerate(runs))
    guides = [_guide("p50", p50, scale, 12), _guide("p95", p95, scale, -4)] if known else []
    counts = Counter((run.verdict, run.verdict_label) for run in runs)
    return figure(
        title,
        plot(
            scale,
            ["0", *(_on_scale(value, words) for value in scale.ticks[1:])],
            joined(
                [
                    definitions(key, [*(run.verdict for run in runs), "cut"]),
                    marks,
                    *guides,
                    _foot(runs, slots, zone),
                ]
            ),
            name=title,
        ),
        summary=_summary(p50, p95, words) if known else "",
        legend=[Entry(look, f"{label} {count}") for (look, label), count in counts.most_common()],
        note=note,
        table=Table([_("Run"), _("Verdict"), _("Duration")], [_row(run, words) for run in runs]),
    )


def quantile(ascending: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed (nearest rank); 0.0 of none."""
    if not ascending:
        return 0.0
    return ascending[max(ceil(share * len(ascending)) - 1, 0)]


def _on_scale(seconds: float, words: Callable[[float], str]) -> str:
    """Whole days, hours, minutes and seconds without the smaller units."""
    if seconds >= 86_400 and seconds % 86_400 == 0:
        return _("%(n)d d") % {"n": seconds // 86_400}
    if seconds >= 3_600 and seconds % 3_600 == 0:
        return _("%(n)d h") % {"n": seconds // 3_600}
    if seconds >= 60 and seconds % 60 == 0:
        return _("%(n)d min") % {"n": seconds // 60}
    if seconds >= 1 and seconds % 1 == 0:
        return _("%(n)d s") % {"n": seconds}
    return words(seconds)


def _summary(p50: float, p95: float, words: Callable[[float], str]) -> str:
    return _("half took up to %(p50)s, 95 %% up to %(p95)s") % {
        "p50": words(p50),
        "p95": words(p95),
    }


def _mark(key: str, run: Run, place: int, slots: int, scale: Scale) -> SafeString:
    foot = TOP + HEIGHT
    y = foot if run.duration_s is None else min(height_of(scale, run.duration_s), foot - 1.0)
    middle = percent((place + 0.5) / slots)
    is_cut = run.duration_s is not None and run.duration_s > scale.top
    signs = [] if run.verdict == "succeeded" else [shape(key, run.verdict, middle, y - 7)]
    if is_cut:
        signs.append(shape(key, "cut", middle, TOP + 6))
    return tag(
        "a",
        tag("title", run.tip),
        tag(
            "rect",
            x=percent(place / slots),
            y=0,
            width=percent(1 / slots),
            height=foot,
            class_="sc-hit",
        ),
        tag(
            "g",
            tag(
                "rect",
                x=percent((place + 0.1) / slots),
                y=y,
                width=percent(0.8 / slots),
                height=foot - y,
                class_="sc-column",
            ),
            *signs,
            class_=f"sc-{run.verdict}",
        ),
        href=run.url,
        tabindex=-1,
        class_="sc-mark",
    )


def _guide(name: str, value: float, scale: Scale, beside: int) -> SafeString:
    """A line with its name above or below, by as many pixels."""
    y = height_of(scale, value)
    return joined(
        [
            tag("line", x1=0, x2="100%", y1=y, y2=y, class_="sc-guide"),
            tag("text", name, x="100%", y=y + beside, text_anchor="end", class_="sc-over"),
        ]
    )


def _foot(runs: Sequence[Run], slots: int, zone: tzinfo) -> SafeString:
    step = ceil(slots / MOST_LABELS)
    labels = labels_of([run.at for run in runs], zone)
    return joined(
        foot_label(labels[place], (place + 0.5) / slots, is_minor=place // step % 2 == 1)
        for place in range(0, len(runs), step)
    )


def _row(run: Run, words: Callable[[float], str]) -> list[SafeString | str]:
    return [
        tag("a", run.tip.split(" · ")[0], href=run.url),
        run.verdict_label,
        "–" if run.duration_s is None else words(run.duration_s),
    ]
