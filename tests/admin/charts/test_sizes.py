from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from jobs.admin.charts.lines import Forecast, size_line
from jobs.admin.charts.spark import spark
from jobs.admin.charts.stacked import MOST_LAYERS, Layer, stacked_sizes
from tests.admin.charts.pictures import having, is_bare, texts, tips

FIRST = date(2026, 7, 1)


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=n) for n in range(count)]


def line(sizes: Sequence[float | None], **more: Any) -> str:
    given = {"title": "Size", "note": "Days in UTC.", "words": lambda b: f"{b:g} B", **more}
    return size_line(days(len(sizes)), sizes, **given)


def stack(*layers: Sequence[float | None]) -> str:
    named = [Layer(f"db{n}", sizes) for n, sizes in enumerate(layers)]
    return stacked_sizes(
        days(len(layers[0])), named, title="Sizes", note="", words=lambda b: f"{b:g} B"
    )


def path(picture: str, look: str) -> str:
    (one,) = [one for one in having(picture, look) if one.tag == "path"]
    return one.get("d", "")


def test_a_day_without_a_size_is_a_gap_and_no_zero() -> None:
    picture = line([100, 100, None, 50])
    assert path(picture, "sc-line").count("M") == 2
    assert tips(picture)[2:] == ["2026-07-03: not measured", "2026-07-04: 50 B"]
    assert is_bare(picture)


def test_a_forecast_goes_on_from_the_last_size() -> None:
    picture = line([10, 20, None], forecast=Forecast(per_day=10, days=2))
    # Drawn over three days, of which the last two are to come, up to 40.
    assert path(picture, "sc-ahead") == "M333.33 500L1000 0"


def test_a_forecast_never_falls_below_zero() -> None:
    picture = line([20, 10], forecast=Forecast(per_day=-10, days=5))
    assert path(picture, "sc-ahead").endswith("L1000 1000")


@pytest.mark.parametrize(("limit", "lines"), [(15, 1), (20, 1), (1_000_000, 0), (None, 0)])
def test_a_limit_is_a_line_unless_it_is_far_away(limit: int | None, lines: int) -> None:
    assert len(having(line([5, 10], limit=limit), "sc-limit")) == lines


def test_ten_years_of_days_are_thinned() -> None:
    picture = line([float(n) for n in range(3650)])
    assert len(having(picture, "sc-mark")) == 180
    assert len(picture) < 120_000


@pytest.mark.parametrize("sizes", [[], [None], [None, None]])
def test_without_a_size_it_says_so(sizes: list[None]) -> None:
    assert "Nothing has been measured yet." in line(sizes)


def test_one_day_alone_is_a_dot() -> None:
    assert "h0" in path(line([7]), "sc-line")


def test_layers_lie_on_top_of_each_other() -> None:
    picture = stack([1, 1], [1, 3])
    assert path(picture, "sc-layer-1") == "M0 750L1000 750L1000 1000L0 1000z"
    assert path(picture, "sc-layer-2") == "M0 500L1000 0L1000 750L0 750z"
    assert tips(picture)[1] == "2026-07-02: 4 B · db1 3 B · db0 1 B"
    assert is_bare(picture)


def test_a_layer_that_was_not_there_yet_takes_no_room() -> None:
    picture = stack([4, 4], [None, 4])
    assert path(picture, "sc-layer-2") == "M0 500L1000 0L1000 500L0 500z"
    assert tips(picture)[0] == "2026-07-01: 4 B · db1 – · db0 4 B"


def test_a_day_without_any_layer_is_a_gap() -> None:
    picture = stack([4, None, 4], [4, None, 4])
    assert path(picture, "sc-layer-1").count("M") == 2


def test_no_more_layers_are_drawn_than_there_are_colours() -> None:
    picture = stack(*([1.0, 1.0] for _ in range(MOST_LAYERS + 3)))
    (legend,) = having(picture, "sc-legend")
    assert len(legend) == MOST_LAYERS


def test_names_are_escaped() -> None:
    picture = stacked_sizes(
        days(2), [Layer("<script>", [1, 2])], title="<b>", note="", words=lambda b: "<i>"
    )
    assert "<script>" in "".join(texts(picture, "th"))
    assert is_bare(picture)


def test_a_small_trend_needs_two_points() -> None:
    assert spark([1, None], name="x") == ""
    assert tips(spark([1, None, 3], name="grew")) == ["grew"]
    assert path(spark([5, 5], name="x"), "sc-line") == "M0 500L1000 500"
