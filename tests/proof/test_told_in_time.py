"""What a task says is written within a second of its saying it, by the loop's own reckoning.

The clock stands still until it is advanced, and the test plays the loop's thread, which sleeps
for as long as it was told to unless it is woken. tests/runtime/executors/test_live_log.py has
real threads and processes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from jobs.models import ExecutionLog, JobExecution, Status
from jobs.registry import current_execution, executing
from jobs.runtime import capture
from jobs.runtime.recorder import DETAILS_INTERVAL_S
from tests.proof.clockwork import Clockwork, clockwork
from tests.proof.loop import Loop
from tests.proof.rows import make
from tests.runtime.runs import run

PROMISE_S = 1.0
MOST_STEPS = 50

logger = logging.getLogger("copy")

pytestmark = pytest.mark.django_db


class Sleeper(Loop):
    """A leader with one run that has begun; between its steps it sleeps as a real one does."""

    def __init__(self, clock: Clockwork) -> None:
        super().__init__()
        self._clock = clock
        self._event = self.scheduler._event = threading.Event()
        self.takes_the_lead()
        self.row = run(make())
        self.step()
        begun = self.begins()
        assert begun is not None
        self.view = begun.view()
        self._wakes_at = clock.monotonic()
        while self._wakes_at == clock.monotonic():
            self._step()

    def takes_s(self, is_written: Callable[[], bool]) -> float:
        """Let time pass until something is written; how much that was."""
        began = self._clock.monotonic()
        for _step in range(MOST_STEPS):
            if is_written():
                return self._clock.monotonic() - began
            self._sleep()
        raise AssertionError(f"not written after {MOST_STEPS} steps")

    def lives_on_for(self, seconds: float) -> None:
        end = self._clock.monotonic() + seconds
        while self._event.is_set() or self._wakes_at <= end:
            self._sleep()
        self._clock.advance(end - self._clock.monotonic())

    def _sleep(self) -> None:
        """Until it is woken, or its time is over."""
        if not self._event.is_set():
            self._clock.advance(self._wakes_at - self._clock.monotonic())
        self._event.clear()
        self._step()

    def _step(self) -> None:
        self._wakes_at = self._clock.monotonic() + self.scheduler._process_jobs()


@pytest.fixture
def sleeper(settings: Any) -> Iterator[Sleeper]:
    """Nothing else wakes its loop for minutes: neither a heartbeat nor a poll."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=600.0, poll_interval_s=600.0)
    leave = capture.install()
    with clockwork() as clock:
        yield Sleeper(clock)
    leave()


def messages() -> list[str]:
    return list(ExecutionLog.objects.order_by("pk").values_list("message", flat=True))


def test_a_lone_line_is_written_within_a_second_though_the_task_says_nothing_more(
    sleeper: Sleeper,
) -> None:
    for number in range(3):  # the first at once; the others so soon after that they have to wait
        with executing(sleeper.view):
            logger.info("line %d", number)
        assert sleeper.takes_s(lambda n=number: len(messages()) > n) <= PROMISE_S
    assert messages() == ["line 0", "line 1", "line 2"]
    assert JobExecution.objects.get().status == Status.RUNNING


def test_progress_that_is_told_once_is_written_within_a_second(sleeper: Sleeper) -> None:
    def done() -> float | None:
        sleeper.row.refresh_from_db()
        return sleeper.row.progress_done

    for number in range(1, 4):
        with executing(sleeper.view):
            current_execution().progress(number, 3)
        assert sleeper.takes_s(lambda n=number: done() == n) <= PROMISE_S


def test_every_line_of_a_chatty_task_is_written_within_a_second(sleeper: Sleeper) -> None:
    """And not each by a transaction of its own."""
    step_s, steps = 0.05, 100
    written = [0]
    for number in range(steps):
        with executing(sleeper.view):
            logger.info("line %d", number)
        sleeper.lives_on_for(step_s)
        written.append(len(messages()))
        waiting = number + 1 - written[-1]
        assert waiting * step_s <= PROMISE_S
    flushes = len(set(written)) - 1
    assert flushes <= steps * step_s / DETAILS_INTERVAL_S + 1
