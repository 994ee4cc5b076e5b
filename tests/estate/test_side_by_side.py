from __future__ import annotations

import threading
from typing import Any

import pytest

from jobs.estate.services.side_by_side import Visit, side_by_side

LATE = TimeoutError("too late")


def run(visits: list[Visit[str, Any]], concurrency: int = 2) -> dict[str, Any]:
    answers = side_by_side(
        visits, concurrency=concurrency, started=lambda key: None, look=lambda: None
    )
    return {answer.key: answer.error or answer.value for answer in answers}


def visit(key: str, what: Any, deadline_s: float = 60) -> Visit[str, Any]:
    return Visit(key, what, deadline_s, LATE)


def test_each_visit_is_answered_once_with_its_value_or_error() -> None:
    found = run(
        [visit("good", lambda: 1), visit("none", lambda: None), visit("bad", lambda: 1 / 0)]
    )
    assert found["good"] == 1
    assert found["none"] is None
    assert isinstance(found["bad"], ZeroDivisionError)


def test_a_visit_that_hangs_is_given_up_and_the_others_go_on() -> None:
    release = threading.Event()
    hanging = visit("hanging", release.wait, deadline_s=0.05)
    others = [visit(str(number), lambda: "here") for number in range(5)]
    found = run([hanging, *others], concurrency=1)
    release.set()
    assert found.pop("hanging") is LATE
    assert list(found.values()) == ["here"] * 5


def test_an_answer_after_the_deadline_is_not_given_twice() -> None:
    release, is_given_up = threading.Event(), threading.Event()

    def late() -> str:
        release.wait()
        return "late"

    def last() -> str:
        is_given_up.wait()
        release.set()
        return "last"

    keys = []
    visits = [visit("late", late, deadline_s=0.05), visit("last", last)]
    for answer in side_by_side(visits, concurrency=2, started=lambda key: None, look=lambda: None):
        keys.append(answer.key)
        is_given_up.set()
    assert keys == ["late", "last"]


def test_no_more_than_the_concurrency_are_under_way() -> None:
    barrier = threading.Barrier(3, timeout=30)
    started: list[str] = []
    visits = [visit(str(number), barrier.wait) for number in range(6)]
    answers = side_by_side(visits, concurrency=3, started=started.append, look=lambda: None)
    for answered, _answer in enumerate(answers):
        assert len(started) - answered <= 3
    assert started == [str(number) for number in range(6)]


def test_what_the_look_raises_ends_it_at_once() -> None:
    release = threading.Event()
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(
            side_by_side(
                [visit("hanging", release.wait)],
                concurrency=1,
                started=lambda key: None,
                look=look,
            )
        )
    release.set()
