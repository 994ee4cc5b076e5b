"""What the desk for alerts tells health of its faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs.runtime import alert_faults
from jobs.runtime.alert_faults import STILL_S, TOLD_AFTER_S, AlertFaults

After = Callable[[float], None]


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> After:
    """Lets so many seconds pass."""
    clock = [100.0]
    monkeypatch.setattr(alert_faults.time, "monotonic", lambda: clock[0])

    def wait(seconds: float) -> None:
        clock[0] += seconds

    return wait


def told(faults: AlertFaults) -> Any:
    return faults.figures()["alert_fault"]


def test_a_failure_that_lasts_is_told_until_that_part_succeeds(after: After) -> None:
    faults = AlertFaults()
    faults.failed("judge", ValueError("a"))
    after(TOLD_AFTER_S + 1)
    assert told(faults) is None  # it may have been the only one
    faults.failed("judge", ValueError("b"))
    assert told(faults) == {"error": "ValueError: b", "age_s": TOLD_AFTER_S + 1}
    faults.succeeded("send")
    assert told(faults) is not None
    faults.succeeded("judge")
    assert told(faults) is None


def test_failures_of_a_moment_are_not_told(after: After) -> None:
    faults = AlertFaults()
    for _ in range(3):
        faults.failed("judge", ValueError("a"))
        after(1)
    assert told(faults) is None


def test_of_several_the_oldest_is_told_and_no_secret(after: After) -> None:
    faults = AlertFaults()
    for part in ("send", "judge"):
        faults.failed(part, ValueError(f"{part} password=hunter2"))
        after(1)
    after(TOLD_AFTER_S)
    for part in ("judge", "send"):
        faults.failed(part, ValueError(f"{part} password=hunter2"))
    assert told(faults)["error"] == "ValueError: send password=[hidden]"


def test_each_part_is_logged_once_and_the_end_of_all(
    after: After, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    faults = AlertFaults()
    for _ in range(3):
        faults.failed("times", ValueError("a"))
        faults.failed("send", ValueError("b"))
        faults.succeeded("judge")
    faults.succeeded("times")
    faults.succeeded("send")
    assert [record.event for record in caplog.records] == [
        "alert.step_failed",
        "alert.step_failed",
        "alert.recovered",
    ]


def test_a_process_that_leads_no_more_has_no_faults(after: After) -> None:
    faults = AlertFaults()
    for _ in range(2):
        faults.failed("judge", ValueError("a"))
        after(TOLD_AFTER_S + 1)
    assert told(faults) is not None
    faults.rests()
    assert told(faults) is None


def test_a_thread_that_does_not_go_on_is_told_unless_it_has_ended(after: After) -> None:
    faults = AlertFaults()
    after(STILL_S + 1)
    assert told(faults) is None  # it was never started
    faults.moves()
    after(STILL_S)
    assert told(faults) is None
    after(1)
    assert told(faults) == {"error": "", "age_s": STILL_S + 1}
    faults.ends()
    assert told(faults) is None
