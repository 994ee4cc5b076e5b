"""Starts `runscheduler` processes with the app of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chaos.processes import SchedulerProcess, start_scheduler

RunScheduler = Callable[..., SchedulerProcess]


@contextmanager
def watched_schedulers(folder: Path, **variables: str) -> Iterator[RunScheduler]:
    """Each is killed at the end, if it still runs. `QUICK` makes the process's limits short,
    `LOOP` tells what becomes of the loop, `END` what becomes of the end."""
    started: list[SchedulerProcess] = []

    def start(**more: Any) -> SchedulerProcess:
        settings = {"DJANGO_SETTINGS_MODULE": "tests.runtime.watched.settings"}
        given = {**settings, **variables, **more}
        started.append(start_scheduler(folder / f"scheduler-{len(started)}.log", **given))
        return started[-1]

    try:
        yield start
    finally:
        for scheduler in started:
            if scheduler.is_running:
                scheduler.kill()
