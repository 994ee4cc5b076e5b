from __future__ import annotations

import pytest

from jobs import pace
from jobs.pace import BATCH, FIRST, LEAST, MAX_REST_S, MIN_REST_S, TARGET_S, Pace


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(pace, "sleep", found.append)
    return found


def test_steps_grow_up_to_a_batch_while_they_are_quick() -> None:
    steps = Pace()
    sizes = [steps.rows]
    for _ in range(5):
        steps.note(0.001, steps.rows)
        sizes.append(steps.rows)
    assert sizes == [FIRST, 2 * FIRST, 4 * FIRST, BATCH, BATCH, BATCH]


def test_a_step_with_little_to_do_does_not_say_that_a_large_one_is_quick() -> None:
    steps = Pace()
    steps.note(0.001, 10)
    assert steps.rows == FIRST


def test_a_step_that_took_too_long_is_followed_by_one_as_much_smaller() -> None:
    steps = Pace()
    steps.note(2 * TARGET_S, FIRST)
    assert steps.rows == FIRST // 2
    steps.note(1000.0, steps.rows)
    assert steps.rows == LEAST


def test_a_step_about_as_long_as_it_should_be_changes_nothing() -> None:
    steps = Pace()
    steps.note(0.75 * TARGET_S, FIRST)
    assert steps.rows == FIRST


def test_no_step_is_larger_than_asked_for() -> None:
    steps = Pace(most=7)
    assert steps.rows == 7
    steps.note(0.001, 7)
    assert steps.rows == 7
    steps.note(1000.0, 7)
    assert steps.rows == 7


@pytest.mark.parametrize(
    ("worked_s", "rest_s"), [(0.0, MIN_REST_S), (0.25, 0.25), (60.0, MAX_REST_S)]
)
def test_others_get_as_long_as_the_work_took_within_bounds(
    worked_s: float, rest_s: float, rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(pace, "monotonic", lambda: now)
    steps = Pace()
    for _ in range(2):  # each counts from the end of the last rest
        now += worked_s
        steps.rest()
    assert rests == [rest_s, rest_s]
