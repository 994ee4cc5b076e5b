from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.admin.charts.scale import BYTES, DECIMALS, SECONDS, scale_for


@pytest.mark.parametrize(
    ("largest", "steps", "ticks"),
    [
        (0.0, DECIMALS, (0.0, 0.001)),
        (7.0, DECIMALS, (0, 2, 4, 6, 8)),
        (41.0, SECONDS, (0, 15, 30, 45)),
        (170.0, SECONDS, (0, 60, 120, 180)),
        (7_300.0, SECONDS, (0, 3_600, 7_200, 10_800)),
        (3 * 2**30, BYTES, (0, 2**30, 2 * 2**30, 3 * 2**30)),
        (900 * 2**20, BYTES, (0, 512 * 2**20, 2**30)),
    ],
)
def test_a_scale_has_round_numbers(
    largest: float, steps: tuple[float, ...], ticks: tuple[float, ...]
) -> None:
    assert scale_for([largest], steps).ticks == pytest.approx(ticks)


@given(st.lists(st.floats(0, 1e15), max_size=5))
def test_a_scale_holds_every_value(values: list[float]) -> None:
    scale = scale_for(values)
    assert 2 <= len(scale.ticks) <= 5
    assert all(value <= scale.top * (1 + 1e-9) for value in values)
    assert all(0 <= scale.share(value) <= 1 for value in values)


def test_what_is_no_number_stretches_no_scale() -> None:
    assert scale_for([nan, inf, 3.0]).top == 3.0
    assert scale_for([]).top > 0


def test_what_is_beyond_every_step_stands_at_the_top() -> None:
    scale = scale_for([1e300])
    assert scale.share(1e300) == 1.0
