"""An axis of calendar days, and what the pointer finds on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from django.utils.safestring import SafeString

from jobs.admin.charts.frame import HEIGHT, TOP, foot_label
from jobs.admin.charts.svg import joined, percent, tag
from jobs.admin.charts.time_axis import day_label

MOST_LABELS = 7
BY_MONTH_DAYS = 300


@dataclass(frozen=True, slots=True)
class DayAxis:
    first: date
    last: date

    @property
    def length(self) -> int:
        return max((self.last - self.first).days, 1)

    def share(self, day: date) -> float:
        return (day - self.first).days / self.length

    def foot(self) -> SafeString:
        """Labels at equal steps, from the first day on; by month over the better part of a year."""
        step = max(-(-self.length // MOST_LABELS), 1)
        days = [self.first + timedelta(days=n) for n in range(0, self.length + 1, step)]
        return joined(
            foot_label(self._label(day), self.share(day), is_minor=place % 2 == 1)
            for place, day in enumerate(days)
        )

    def _label(self, day: date) -> str:
        return f"{day:%Y-%m}" if self.length >= BY_MONTH_DAYS else day_label(day)


def day_marks(axis: DayAxis, tips: Sequence[tuple[date, str]]) -> SafeString:
    """For each of the days, in order, a column that tells its tip and shows a line."""
    places = [axis.share(day) for day, _tip in tips]
    edges = [0.0, *((left + right) / 2 for left, right in pairwise(places)), 1.0]
    return joined(
        tag(
            "g",
            tag("title", tip),
            tag(
                "rect",
                x=percent(left),
                y=TOP,
                width=percent(right - left),
                height=HEIGHT,
                class_="sc-hit",
            ),
            tag("line", x1=at, x2=at, y1=TOP, y2=TOP + HEIGHT, class_="sc-cursor"),
            class_="sc-mark",
            role="img",
            tabindex=-1,
        )
        for (_day, tip), (left, right), at in zip(
            tips, pairwise(edges), map(percent, places), strict=True
        )
    )
