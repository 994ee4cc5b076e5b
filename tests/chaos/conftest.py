from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.registry import isolated_registry
from tests.chaos.processes import SchedulerProcess, start_scheduler

RunScheduler = Callable[..., SchedulerProcess]


@pytest.fixture
def run_scheduler(
    transactional_db: None, chaos_tasks: None, tmp_path: Path
) -> Iterator[RunScheduler]:
    """Starts `runscheduler` processes; those that still run at the end are killed."""
    started: list[SchedulerProcess] = []

    def start(*options: str, url: str = "", **variables: str) -> SchedulerProcess:
        output_file = tmp_path / f"scheduler-{len(started)}.log"
        started.append(start_scheduler(output_file, *options, url=url, **variables))
        return started[-1]

    yield start
    for scheduler in started:
        if scheduler.is_running:
            scheduler.kill()


@pytest.fixture
def chaos_tasks() -> Iterator[None]:
    """This process knows the tasks of `tests.chaos.tasks` as well, as long as the test lasts."""
    with isolated_registry():
        sys.modules.pop("tests.chaos.tasks", None)
        importlib.import_module("tests.chaos.tasks")
        yield


@pytest.fixture
def notes_file(tmp_path: Path) -> Path:
    """Where the tasks leave their lines."""
    return tmp_path / "notes"
