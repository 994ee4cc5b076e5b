from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.admin.charts.bars import Run, durations, quantile
from jobs.admin.charts.shapes import LOOKS
from jobs.models import Status
from tests.admin.charts.pictures import having, is_bare, parsed, texts, tips

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def run(number: int = 0, duration_s: float | None = 2.0, verdict: str = "succeeded") -> Run:
    tip = f"#{number} <&> · {verdict}"
    return Run(NOON + timedelta(hours=number), duration_s, verdict, verdict, tip, f"/run/{number}/")


def drawn(*runs: Run, **more: Any) -> str:
    return durations(
        runs, title="Runs", zone=UTC, note="Times in UTC.", words=lambda s: f"{s:g} s", **more
    )


def test_each_run_is_a_bar_that_leads_to_it_and_tells_its_story() -> None:
    picture = drawn(run(1), run(2, 4.0, "failed"))
    marks = having(picture, "sc-mark")
    assert [mark.get("href") for mark in marks] == ["/run/1/", "/run/2/"]
    assert tips(picture) == ["#1 <&> · succeeded", "#2 <&> · failed"]
    heights = [float(bar.get("height", "")) for bar in having(picture, "sc-column")]
    assert heights[1] == pytest.approx(2 * heights[0])
    assert is_bare(picture)


@pytest.mark.parametrize("verdict", [status for status in Status if status != "succeeded"])
def test_every_other_verdict_has_a_shape(verdict: str) -> None:
    picture = drawn(run(1), run(2, 1.0, verdict))
    (sign,) = parsed(picture).iter("use")
    names = {one.get("id") for one in parsed(picture).iter("path")}
    assert sign.get("href", "").removeprefix("#") in names
    assert verdict in LOOKS


def test_the_legend_counts_the_verdicts() -> None:
    picture = drawn(run(1), run(2), run(3, None, "missed"))
    (legend,) = having(picture, "sc-legend")
    assert ["".join(item.itertext()) for item in legend] == ["succeeded 2", "missed 1"]


def test_p50_and_p95_are_lines() -> None:
    picture = drawn(*(run(n, float(n)) for n in range(1, 101)))
    assert len(having(picture, "sc-guide")) == 2
    assert "half took up to 50 s, 95 % up to 95 s" in "".join(texts(picture, "figcaption"))


def test_one_very_long_run_does_not_press_the_others_flat() -> None:
    picture = drawn(*(run(n) for n in range(99)), run(99, 100_000.0))
    heights = [float(bar.get("height", "")) for bar in having(picture, "sc-column")]
    assert heights[0] > 30
    assert [use.get("href") for use in parsed(picture).iter("use")] == ["#durations-cut"]


def test_runs_that_never_ran_are_drawn_too() -> None:
    picture = drawn(run(1, None, "skipped"), run(2, None, "missed"))
    assert len(having(picture, "sc-mark")) == 2
    assert having(picture, "sc-guide") == []


def test_the_numbers_stand_in_a_table_as_well() -> None:
    picture = drawn(run(1), run(2, None, "missed"))
    assert texts(picture, "td") == ["succeeded", "2 s", "missed", "–"]


def test_without_runs_it_says_so() -> None:
    assert "It has not run yet." in drawn()


def test_200_runs_are_no_heavy_page() -> None:
    assert len(drawn(*(run(n) for n in range(200)))) < 130_000


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2
    assert quantile([1, 2, 3, 4], 0.95) == 4
    assert quantile([], 0.5) == 0.0


def test_every_shape_has_its_colour_in_the_stylesheets() -> None:
    folder = Path(__file__).parents[3] / "static/jobs"
    css = "".join(path.read_text() for path in folder.glob("*.css"))
    for look in LOOKS - {"cut"}:
        assert f".sc-{look}" in css
