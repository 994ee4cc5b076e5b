"""The same tasks as schedcore knows them (an app's `tasks` module, which it discovers)."""

from __future__ import annotations

from datetime import datetime

from jobs.registry import current_execution, scheduled_task
from tests.benchmarks import work


@scheduled_task
def note_start() -> None:
    work.note(_due())


@scheduled_task
def use_orm() -> None:
    work.orm(_due())


def _due() -> float:
    moment = current_execution().scheduled_for
    assert isinstance(moment, datetime)
    return moment.timestamp()
