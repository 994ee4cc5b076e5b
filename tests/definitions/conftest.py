from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.conf import conf
from jobs.control.audit import Actor
from jobs.models.audit import Via
from jobs.registry import isolated_registry, scheduled_task

HEAD = "default_tasks:\n"


@pytest.fixture
def actor() -> Actor:
    return Actor(name="ann", via=Via.COMMAND)


@pytest.fixture(autouse=True)
def tasks() -> Iterator[None]:
    """Two tasks of these tests: `beep` takes anything, `report` a day."""
    with isolated_registry():

        @scheduled_task
        def beep(**kwargs: Any) -> None:
            """Beep."""

        @scheduled_task
        def report(*, days: int = 1) -> None:
            """Report."""

        yield


@pytest.fixture
def tasks_file(tmp_path: Path, settings: Any) -> Path:
    """Where the settings say that the file is; it is not there yet."""
    path = tmp_path / "tasks.yaml"
    settings.SCHEDCORE = replace(conf(), tasks_file=path)
    return path


@pytest.fixture
def write(tasks_file: Path) -> Callable[..., Path]:
    """Write the file with some items given as flow mappings, or as a whole text."""

    def write(*items: str, text: str | None = None) -> Path:
        body = "".join(f"  - {item}\n" for item in items)
        tasks_file.write_text(HEAD + body if text is None else text, encoding="utf-8")
        return tasks_file

    return write


def item(job_id: str = "nightly", *, hour: str = "3", more: str = "") -> str:
    extra = f", {more}" if more else ""
    return (
        f"{{id: {job_id}, name: Nightly, function: beep, trigger_type: cron, "
        f"trigger_params: {{hour: {hour}, minute: 0}}{extra}}}"
    )
