from __future__ import annotations

import pytest

from tests.benchmarks.figures import median_of, percentile


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100


def test_the_order_of_the_values_does_not_matter() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2


def test_of_few_values_the_worst_is_the_99th_percentile() -> None:
    assert percentile([1.0, 5.0], 0.99) == 5


def test_no_values_have_no_percentile() -> None:
    assert percentile([], 0.5) is None


def test_repeats_are_summed_up_figure_by_figure() -> None:
    repeats = [{"rate": 1.0, "lost": 0.0}, {"rate": 9.0, "lost": 2.0}, {"rate": 3.0, "lost": 0.0}]
    assert median_of(repeats) == {"rate": 3.0, "lost": 0.0}


def test_a_figure_that_was_never_measured_stays_unknown() -> None:
    assert median_of([{"p99_s": None}, {"p99_s": None}]) == {"p99_s": None}


@pytest.mark.parametrize("values", [[2.0, None], [None, 2.0]])
def test_repeats_without_a_figure_do_not_count_for_it(values: list[float | None]) -> None:
    assert median_of([{"p99_s": value} for value in values]) == {"p99_s": 2.0}
