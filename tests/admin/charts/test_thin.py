from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.admin.charts.thin import thinned


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=400), st.integers(3, 50))
def test_what_is_kept_is_in_order_and_not_too_much(values: list[float | None], most: int) -> None:
    kept = thinned(values, most)
    assert kept == sorted(set(kept))
    assert len(kept) == min(len(values), most)
    assert not values or (kept[0], kept[-1]) == (0, len(values) - 1)


def test_a_peak_is_kept() -> None:
    values = [1.0] * 1000
    values[617] = 9.0
    assert 617 in thinned(values, 20)


def test_a_gap_is_kept() -> None:
    values: list[float | None] = [1.0] * 1000
    values[400:600] = [None] * 200
    assert any(values[place] is None for place in thinned(values, 20))
