"""The tasks of these jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.registry import isolated_registry, scheduled_task


@pytest.fixture(autouse=True)
def _tasks() -> Iterator[None]:
    with isolated_registry():

        @scheduled_task
        def send_report() -> None:
            """Send the weekly report."""

        yield
