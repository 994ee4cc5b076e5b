"""A size over days: a line, its forecast, its limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jobs.admin.charts.days import DayAxis, day_marks
from jobs.admin.charts.frame import (
    Entry,
    Table,
    empty_figure,
    figure,
    height_of,
    inner,
    plot,
    point,
)
from jobs.admin.charts.scale import BYTES, Scale, scale_for
from jobs.admin.charts.svg import joined, tag
from jobs.admin.charts.thin import thinned


@dataclass(frozen=True, slots=True)
class Forecast:
    """From the last known value on, `per_day` more each day, for `days` days."""

    per_day: float
    days: int


def size_line(
    days: Sequence[date],
    sizes: Sequence[float | None],
    *,
    title: str,
    note: str,
    words: Callable[[float], str],
    summary: str = "",
    forecast: Forecast | None = None,
    limit: float | None = None,
    steps: Sequence[float] = BYTES,
) -> SafeString:
    """One value a day, the oldest first, None where there is none: a gap, never 0.

    `words` writes a value, `steps` are the scale's. The limit is a line across; it does not
    stretch the scale beyond twice what is reached.
    """
    known = [(place, size) for place, size in enumerate(sizes) if size is not None]
    if not known:
        return empty_figure(title, _("Nothing has been measured yet."))
    ahead = _ahead(days, known, forecast)
    axis = DayAxis(days[0], max(days[-1], *(day for day, _size in ahead)) if ahead else days[-1])
    reached = [size for _place, size in known] + [size for _day, size in ahead]
    has_line = limit is not None and limit <= 2 * max(reached)
    scale = scale_for([*reached, limit if has_line and limit else 0.0], steps)
    chosen = thinned(sizes)
    curve = [(axis.share(days[place]), sizes[place]) for place in chosen]
    legend = [Entry("size", title)]
    parts = [_area(curve, scale), _line(curve, scale, "sc-line")]
    if ahead:
        parts.append(_line([(axis.share(day), size) for day, size in ahead], scale, "sc-ahead"))
        legend.append(Entry("ahead", _("forecast")))
    over = _limit(limit, scale, words) if has_line and limit is not None else SafeString("")
    tips = [(days[place], f"{days[place]}: {_said(sizes[place], words)}") for place in chosen]
    return figure(
        title,
        plot(
            scale,
            ["0", *(words(value) for value in scale.ticks[1:])],
            joined([inner(0, 1, joined(parts)), over, axis.foot(), day_marks(axis, tips)]),
            name=title,
        ),
        summary=summary,
        legend=legend if ahead else (),
        note=note,
        table=Table(
            [_("Day"), title],
            [[days[place].isoformat(), _said(sizes[place], words)] for place in chosen],
        ),
    )


def runs_of(
    curve: Sequence[tuple[float, float | None]],
) -> Iterator[list[tuple[float, float]]]:
    """The stretches between gaps."""
    stretch: list[tuple[float, float]] = []
    for x, value in curve:
        if value is not None:
            stretch.append((x, value))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _ahead(
    days: Sequence[date], known: Sequence[tuple[int, float]], forecast: Forecast | None
) -> list[tuple[date, float]]:
    if forecast is None or forecast.days <= 0:
        return []
    place, last = known[-1]
    end = max(last + forecast.per_day * forecast.days, 0.0)
    return [(days[place], last), (days[place] + timedelta(days=forecast.days), end)]


def _line(curve: Sequence[tuple[float, float | None]], scale: Scale, look: str) -> SafeString:
    path = "".join(
        "M"
        + "L".join(point(x, scale.share(value)) for x, value in stretch)
        # A lone point is a dot, by its round ends.
        + ("h0" if len(stretch) == 1 else "")
        for stretch in runs_of(curve)
    )
    return tag("path", d=path, class_=look)


def _area(curve: Sequence[tuple[float, float | None]], scale: Scale) -> SafeString:
    path = "".join(
        f"M{point(stretch[0][0], 0)}L"
        + "L".join(point(x, scale.share(value)) for x, value in stretch)
        + f"L{point(stretch[-1][0], 0)}z"
        for stretch in runs_of(curve)
    )
    return tag("path", d=path, class_="sc-under")


def _limit(limit: float, scale: Scale, words: Callable[[float], str]) -> SafeString:
    y = height_of(scale, limit)
    label = _("limit %(size)s") % {"size": words(limit)}
    return joined(
        [
            tag("line", x1=0, x2="100%", y1=y, y2=y, class_="sc-limit"),
            tag("text", label, x=4, y=y - 4, class_="sc-over"),
        ]
    )


def _said(size: float | None, words: Callable[[float], str]) -> str:
    return _("not measured") if size is None else words(size)
