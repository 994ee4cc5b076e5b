from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class SchedulerProcess:
    """A real `manage.py runscheduler` on the test's own database."""

    process: subprocess.Popen[bytes]
    output_file: Path

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def says(self, text: str) -> None:
        """Wait until it has said `text`."""

        def said() -> bool:
            ended = self.process.poll() is not None
            assert text in self.output or not ended, self.output
            return text in self.output

        until(said)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end gracefully; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def database_url() -> str:
    """The address of the database that this test runs on."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    return (
        f"postgres://{settings['USER']}{password}@{settings['HOST']}"
        f":{settings['PORT'] or 5432}/{settings['NAME']}"
    )


def environment(**variables: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "SCHEDCORE_LEASE_TTL": "2",
        "SCHEDCORE_POLL_INTERVAL": "0.1",
        "SCHEDCORE_SHUTDOWN_GRACE": "10",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


@pytest.fixture
def run_scheduler(
    transactional_db: None, tmp_path: Path
) -> Iterator[Callable[..., SchedulerProcess]]:
    """Starts `runscheduler` processes; those that still run at the end are killed."""
    started: list[SchedulerProcess] = []

    def start(*options: str, **variables: str) -> SchedulerProcess:
        output_file = tmp_path / f"scheduler-{len(started)}.log"
        with output_file.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "runscheduler", *options],
                cwd=ROOT,
                env=environment(**variables),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(SchedulerProcess(process, output_file))
        return started[-1]

    yield start
    for scheduler in started:
        if scheduler.process.poll() is None:
            scheduler.kill()
