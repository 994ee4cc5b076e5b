"""Sizes over days, laid on top of each other: a layer a database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.charts.days import DayAxis, day_marks
from jobs.admin.charts.frame import Entry, Table, empty_figure, figure, inner, plot, point
from jobs.admin.charts.lines import runs_of
from jobs.admin.charts.scale import BYTES, Scale, scale_for
from jobs.admin.charts.svg import joined, tag
from jobs.admin.charts.thin import thinned

MOST_LAYERS = 9
"""As many colours as the stylesheet has, the last for all others."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One value a day; None where there is none."""

    name: str
    sizes: Sequence[float | None]


def stacked_sizes(
    days: Sequence[date],
    layers: Sequence[Layer],
    *,
    title: str,
    note: str,
    words: Callable[[float], str],
    summary: str = "",
    steps: Sequence[float] = BYTES,
) -> SafeString:
    """Layers from the foot up in their order, at most 9. A day on which no layer has a value
    is a gap; on another day, a layer without one counts as 0 (it was not there)."""
    layers = layers[:MOST_LAYERS]
    totals = [_total([layer.sizes[place] for layer in layers]) for place in range(len(days))]
    known = [total for total in totals if total is not None]
    if not known:
        return empty_figure(title, _("Nothing has been measured yet."))
    axis = DayAxis(days[0], days[-1])
    scale = scale_for(known, steps)
    chosen = thinned(totals)
    heaps = {
        place: list(accumulate((layer.sizes[place] or 0.0 for layer in layers), initial=0.0))
        for place in chosen
    }
    areas = [
        _layer(
            [
                (axis.share(days[place]), None if totals[place] is None else heaps[place])
                for place in chosen
            ],
            number,
            scale,
        )
        for number in range(len(layers))
    ]
    tips = [
        (days[place], _tip(days[place], place, layers, totals[place], words)) for place in chosen
    ]
    return figure(
        title,
        plot(
            scale,
            ["0", *(words(value) for value in scale.ticks[1:])],
            joined([inner(0, 1, joined(areas)), axis.foot(), day_marks(axis, tips)]),
            name=title,
        ),
        summary=summary,
        # The topmost first, as they lie in the picture.
        legend=[Entry(f"layer-{number + 1}", layer.name) for number, layer in enumerate(layers)][
            ::-1
        ],
        note=note,
        table=Table(
            [_("Day"), *(layer.name for layer in layers), _("total")],
            [
                [
                    days[place].isoformat(),
                    *(_said(layer.sizes[place], words) for layer in layers),
                    _said(totals[place], words),
                ]
                for place in chosen
            ],
        ),
    )


def _total(sizes: Sequence[float | None]) -> float | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _layer(
    curve: Sequence[tuple[float, list[float] | None]], number: int, scale: Scale
) -> SafeString:
    upper = [(x, None if heap is None else heap[number + 1]) for x, heap in curve]
    lower = [(x, None if heap is None else heap[number]) for x, heap in curve]
    path = "".join(
        "M" + "L".join(point(x, scale.share(size)) for x, size in [*over, *reversed(under)]) + "z"
        for over, under in zip(runs_of(upper), runs_of(lower), strict=True)
    )
    return tag("path", d=path, class_=f"sc-area sc-layer-{number + 1}")


def _tip(
    day: date,
    place: int,
    layers: Sequence[Layer],
    total: float | None,
    words: Callable[[float], str],
) -> str:
    parts = [f"{layer.name} {_said(layer.sizes[place], words)}" for layer in layers]
    return " · ".join([f"{day}: {_said(total, words)}", *reversed(parts)])


def _said(size: float | None, words: Callable[[float], str]) -> str:
    return "–" if size is None else words(size)
