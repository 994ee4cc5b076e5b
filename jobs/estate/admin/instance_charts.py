"""Pictures of an instance's sizes, and the range and the limit that somebody asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from django import forms
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.charts.lines import Forecast, size_line
from jobs.admin.charts.stacked import MOST_LAYERS, Layer, stacked_sizes
from jobs.estate.admin.bytes import BytesField
from jobs.estate.admin.instance_cards import Card
from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.services.charts import Outlook, SizeChart
from jobs.estate.units import format_bytes

DEFAULT_RANGE = "90d"
RANGES = {
    "30d": (30, gettext_lazy("30 days")),
    DEFAULT_RANGE: (90, gettext_lazy("90 days")),
    "1y": (365, gettext_lazy("1 year")),
}
AHEAD = 3
"""A forecast takes a third as many days as it is shown beside."""


class SizesForm(forms.Form):
    """What is asked for in the page's address; what makes no sense there is the default.

    `days` is the range, `limit_bytes` the limit, by default that of the instance or database.
    """

    limit = BytesField(
        label=gettext_lazy("Limit"),
        required=False,
        widget=forms.TextInput(attrs={"size": 10, "autocomplete": "off"}),
    )

    def __init__(self, request: HttpRequest, of: DatabaseInstance | Database) -> None:
        super().__init__(request.GET if "limit" in request.GET else None)
        asked = request.GET.get("range", "")
        self.range = asked if asked in RANGES else DEFAULT_RANGE
        self.days, _label = RANGES[self.range]
        own = of.size_limit_bytes
        self.initial["limit"] = own
        is_given = self.is_bound and self.is_valid()
        self.limit_bytes = self.cleaned_data["limit"] if is_given else own

    def answer(self, limit: Card) -> str:
        """When the limit that was typed is reached; nothing to somebody who typed none."""
        return f"{limit.value} · {limit.note}" if self.is_bound and self.is_valid() else ""

    def ranges(self) -> list[dict[str, object]]:
        return [
            {"name": name, "label": label, "is_shown": name == self.range}
            for name, (_days, label) in RANGES.items()
        ]


def size_picture(
    days: Sequence[date], sizes: Sequence[int | None], outlook: Outlook, *, title: str, note: str
) -> SafeString:
    """With its forecast and its limit."""
    per_day = outlook.growth_bytes_per_day
    return size_line(
        days,
        sizes,
        title=title,
        note=note,
        words=_words,
        forecast=None if per_day is None else Forecast(per_day, len(days) // AHEAD),
        limit=outlook.limit_bytes,
    )


def stack_chart(chart: SizeChart, note: str) -> SafeString:
    """Of as many layers as can be told apart, the last for what is in none of its own."""
    own, rest = chart.layers[: MOST_LAYERS - 1], chart.layers[MOST_LAYERS - 1 :]
    layers = [Layer(layer.name, layer.sizes) for layer in own if any(layer.sizes)]
    left = zip(chart.others, *(layer.sizes for layer in rest), strict=True)
    others = [_sum(sizes) for sizes in left]
    if any(others):
        layers.append(Layer(_("all others"), others))
    return stacked_sizes(chart.days, layers, title=_("By database"), note=note, words=_words)


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _words(count: float) -> str:
    return format_bytes(round(count))
