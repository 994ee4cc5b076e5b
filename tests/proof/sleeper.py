"""Schedulers in a time that the test lets pass: between their steps they sleep as real ones do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import ceil

from tests.proof.clockwork import Clockwork
from tests.proof.loop import Loop

MOST_STEPS = 1000


class Sleeper(Loop):
    """Sleeps for as long as its steps say, unless it is woken; its steps take no time."""

    def __init__(self, clock: Clockwork, host: str = "host", *, workers: int = 5) -> None:
        super().__init__(host, workers=workers)
        self.clock = clock
        self._event = self.scheduler._event = threading.Event()
        self._wakes_at = clock.monotonic()
        live_on_for(0.0, self)

    @property
    def wakes_at(self) -> float:
        """Monotonic; it may be past, as after a freeze."""
        return self.clock.monotonic() if self._event.is_set() else self._wakes_at

    def wakes(self) -> None:
        self.clock.advance(max(self.wakes_at - self.clock.monotonic(), 0.0))
        self._event.clear()
        wait_s = self.scheduler._process_jobs()
        assert self.scheduler.faults.current == ""
        # Whole microseconds, as the clock has no parts of them, and rounded up to come to pass.
        self._wakes_at = self.clock.monotonic() + ceil(wait_s * 1e6) / 1e6


def live_on_for(seconds: float, *living: Sleeper) -> None:
    """Let time pass, in which these schedulers live and all others do not."""
    clock = living[0].clock
    end = clock.monotonic() + seconds
    while (first := _first(living)).wakes_at <= end:
        first.wakes()
    clock.advance(end - clock.monotonic())


def takes_s(is_so: Callable[[], bool], *living: Sleeper) -> float:
    """Let time pass until something is so; the seconds that takes."""
    clock = living[0].clock
    began = clock.monotonic()
    for _step in range(MOST_STEPS):
        if is_so():
            return clock.monotonic() - began
        _first(living).wakes()
    raise AssertionError(f"not so after {MOST_STEPS} steps")


def _first(living: tuple[Sleeper, ...]) -> Sleeper:
    return min(living, key=lambda sleeper: sleeper.wakes_at)
