from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from jobs.models import Job
from jobs.registry import isolated_registry, scheduled_task
from jobs.runtime.identity import Identity
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.factories import make_job


@pytest.fixture(autouse=True)
def _own_tasks() -> Iterator[None]:
    with isolated_registry():
        yield


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    """Liveness and polls in tenths of seconds, so that tests wait little."""
    settings.SCHEDCORE = replace(
        settings.SCHEDCORE, lease_ttl_s=2.0, poll_interval_s=0.05, shutdown_grace_s=5.0
    )


@pytest.fixture
def start_scheduler(transactional_db: None) -> Iterator[Callable[..., SchedcoreScheduler]]:
    """Starts schedulers that share this process but know nothing of each other's pids."""
    started: list[SchedcoreScheduler] = []

    def start(host: str = "test-host") -> SchedcoreScheduler:
        scheduler = SchedcoreScheduler(Identity(host=host, host_id=""))
        scheduler.begin()
        started.append(scheduler)
        return scheduler

    yield start
    for scheduler in started:
        if scheduler.running:
            scheduler.end(grace_s=2)
    connection.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """A task that waits for it ends when it is set, at the latest with the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def job() -> Callable[..., Job]:
    """Registers a function as a task, and makes a job of it that is not due by itself."""

    def make(function: Callable[..., Any], **fields: Any) -> Job:
        scheduled_task(name=function.__name__)(function)
        return make_job(
            **{
                "id": function.__name__,
                "function": function.__name__,
                "trigger_type": "cron",
                "trigger_params": {"cron_expression": "0 3 1 1 *"},
                **fields,
            }
        )

    return make


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """A pipe that nobody reads and that takes no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)
