from __future__ import annotations

import pytest

from tests.benchmarks.goals import at_least, at_most, ratio, shown


def test_what_reaches_its_limit_is_ok() -> None:
    assert at_least(12.0, 12, "{} times").reached
    assert at_most(0.5, 0.5, "{} times").reached


def test_what_does_not_reach_its_limit_says_so() -> None:
    check = at_least(8.684, 12, "{} times stock's runs a second")
    assert str(check) == "NOT REACHED 8.68 times stock's runs a second (must reach 12)"
    assert not at_most(0.51, 0.5, "{} times").reached


def test_what_was_not_measured_reaches_nothing() -> None:
    assert not at_least(None, 0, "{} runs").reached
    assert not at_most(None, 100, "{} lost").reached


def test_a_ratio_needs_both_figures() -> None:
    assert ratio(6.0, 2.0) == 3
    assert ratio(None, 2.0) is None
    assert ratio(6.0, None) is None


def test_one_who_got_nothing_done_is_beaten_endlessly() -> None:
    assert ratio(6.0, 0.0) == float("inf")
    assert at_least(ratio(6.0, 0.0), 12, "{} times").reached


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "nothing"), (1000.0, "1,000"), (3478.6, "3,479"), (0.01234, "0.0123"), (0.0, "0")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert shown(value) == text
