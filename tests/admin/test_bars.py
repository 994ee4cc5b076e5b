from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from jobs.admin.bars import CODES, FOOT, MOST, STEP, WARNED, bars, encoded, look, summary
from jobs.admin.job_words import job_words
from jobs.executions.last_runs import LastRun
from jobs.models import Status

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


def run(number: int = 1, status: Status = Status.SUCCEEDED, **fields: object) -> LastRun:
    given = {"at": NOW, "duration_s": 1.0, "is_warned": False}
    return LastRun(
        number, status, **{**given, "progress_done": None, "progress_total": None, **fields}
    )


def drawn(*runs: LastRun) -> list[str]:
    """The outlines of the picture; it is well-formed and has no style of its own."""
    picture = ElementTree.fromstring(bars(runs))
    assert "style" not in bars(runs)
    return [path.attrib["d"] for path in picture.iter("path")]


def test_a_bar_is_as_high_as_its_run_was_long_and_the_newest_stands_right() -> None:
    (outline,) = drawn(run(2, duration_s=4.0), run(1, duration_s=2.0))
    assert outline == f"M{18 * STEP + 2} 27V18M{19 * STEP + 2} 27V9"


def test_every_verdict_has_a_shape_of_its_own() -> None:
    looks = {tuple(drawn(run(status=status))) for status in Status}
    looks.add(tuple(drawn(run(is_warned=True))))
    assert len(looks) == len(Status) + 1


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("seconds", [None, 0.0, 1e-9, 1e12])
def test_nothing_is_drawn_outside_of_the_picture(status: Status, seconds: float | None) -> None:
    runs = [run(n, status, duration_s=seconds if n == 1 else 3.0) for n in range(MOST, 0, -1)]
    for outline in drawn(*runs):
        for x, y in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", outline):
            assert -1 <= float(x) <= MOST * STEP
            assert 0 <= float(y) <= FOOT + 1


def test_the_picture_says_in_words_what_it_shows() -> None:
    failed = [run(n, Status.FAILED) for n in range(2)]
    assert summary([*failed, *(run(n) for n in range(3))]) == (
        "The last 5 runs: 3 succeeded, 2 failed."
    )
    assert summary([run()]) == "The last run: 1 succeeded."
    assert 'aria-label="It has not run yet."' in bars([])


def test_each_run_stands_in_it_for_the_script_in_a_few_characters() -> None:
    earlier = run(90, Status.MISSED, at=NOW - timedelta(hours=1), duration_s=None)
    assert encoded([run(100, duration_s=41.234), earlier]) == (
        f"-100,-{int(NOW.timestamp()) // 60},41.2;10,60,,m"
    )


def test_every_verdict_has_a_code_and_the_script_has_words_for_it() -> None:
    assert set(CODES) == {*Status.values, WARNED}
    assert len(set(CODES.values())) == len(CODES)
    assert all(job_words()[f"look_{code}"] for code in CODES.values())


def test_only_a_success_looks_different_with_a_warning() -> None:
    assert look(run(is_warned=True)) == WARNED
    assert look(run(status=Status.FAILED, is_warned=True)) == "failed"
