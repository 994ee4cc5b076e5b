from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from jobs.registry import isolated_registry, scheduled_task
from jobs.runtime import identity
from tests.proof.loop import Loop
from tests.proof.race import Stage


@pytest.fixture(autouse=True)
def _task() -> Iterator[None]:
    """What the jobs of these tests are made of; where workers are played, it is never called."""
    with isolated_registry():

        @scheduled_task
        def work() -> None:
            pass

        yield


@pytest.fixture(autouse=True)
def _hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedulers of a test share a process, and must not judge each other by its pid."""
    monkeypatch.setattr(identity, "host_id", lambda: "")


@pytest.fixture
def stage(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(monkeypatch)
    yield stage
    stage.clear()
    connection.close()


@pytest.fixture
def loop(transactional_db: None, settings: Any) -> Callable[..., Loop]:
    """Schedulers that take a step when they are told to, and have time for a story."""
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=60.0)
    return Loop


@pytest.fixture
def leader(loop: Callable[..., Loop]) -> Loop:
    return loop().takes_the_lead()
