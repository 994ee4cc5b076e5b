"""What a task says is written within a second of its saying it, by the loop's own reckoning.

tests/runtime/executors/test_live_log.py has real threads and processes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jobs.models import ExecutionLog, JobExecution, Status
from jobs.registry import current_execution, executing
from jobs.runtime import capture
from jobs.runtime.recorder import DETAILS_INTERVAL_S
from tests.proof.clockwork import Clockwork, clockwork
from tests.proof.rows import make
from tests.proof.sleeper import Sleeper, live_on_for, takes_s
from tests.runtime.runs import run

PROMISE_S = 1.0

logger = logging.getLogger("copy")

pytestmark = pytest.mark.django_db


class Copying(Sleeper):
    """A leader with one run that has begun."""

    def __init__(self, clock: Clockwork) -> None:
        super().__init__(clock)
        assert self.leads
        self.row = run(make())
        self.step()
        begun = self.begins()
        assert begun is not None
        self.view = begun.view()
        live_on_for(0.0, self)


@pytest.fixture
def copying(settings: Any) -> Iterator[Copying]:
    """Nothing else wakes its loop for minutes: neither a heartbeat nor a poll."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=600.0, poll_interval_s=600.0)
    leave = capture.install()
    with clockwork() as clock:
        yield Copying(clock)
    leave()


def messages() -> list[str]:
    return list(ExecutionLog.objects.order_by("pk").values_list("message", flat=True))


def test_a_lone_line_is_written_within_a_second_though_the_task_says_nothing_more(
    copying: Copying,
) -> None:
    for number in range(3):  # the first at once; the others so soon after that they have to wait
        with executing(copying.view):
            logger.info("line %d", number)
        assert takes_s(lambda n=number: len(messages()) > n, copying) <= PROMISE_S
    assert messages() == ["line 0", "line 1", "line 2"]
    assert JobExecution.objects.get().status == Status.RUNNING


def test_progress_that_is_told_once_is_written_within_a_second(copying: Copying) -> None:
    def done() -> float | None:
        copying.row.refresh_from_db()
        return copying.row.progress_done

    for number in range(1, 4):
        with executing(copying.view):
            current_execution().progress(number, 3)
        assert takes_s(lambda n=number: done() == n, copying) <= PROMISE_S


def test_every_line_of_a_chatty_task_is_written_within_a_second(copying: Copying) -> None:
    """And not each by a transaction of its own."""
    step_s, steps = 0.05, 100
    written = [0]
    for number in range(steps):
        with executing(copying.view):
            logger.info("line %d", number)
        live_on_for(step_s, copying)
        written.append(len(messages()))
        waiting = number + 1 - written[-1]
        assert waiting * step_s <= PROMISE_S
    flushes = len(set(written)) - 1
    assert flushes <= steps * step_s / DETAILS_INTERVAL_S + 1
