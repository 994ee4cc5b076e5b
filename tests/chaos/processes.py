"""Real `manage.py runscheduler` processes: started, killed, frozen, and asked to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from django.db import connection

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
TTL_S = 2.0
"""The shortest that there is."""

INTRODUCTIONS = ("  role  ", "The database went away during the start")

APPLICATION = "schedcore"
"""How connections of these processes are named on PostgreSQL; LISTEN's begins with it, too."""


@dataclass
class SchedulerProcess:
    process: subprocess.Popen[bytes]
    output_file: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def has_begun(self) -> bool:
        """It has introduced itself, or tried to: from here on it must not end by itself."""
        said = self.output
        return any(text in said for text in INTRODUCTIONS)

    def says(self, *texts: str, deadline_s: float = 20.0) -> None:
        """Wait until it has said one of `texts`."""

        def said() -> bool:
            running = self.is_running  # asked first: what it says at its end counts
            output = self.output
            found = any(text in output for text in texts)
            assert found or running, output
            return found

        until(said, deadline_s=deadline_s)

    def begins(self, *, deadline_s: float = 20.0) -> None:
        """Wait until it has begun."""
        self.says(*INTRODUCTIONS, deadline_s=deadline_s)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to end gracefully; its exit code."""
        self.ask_to_stop()
        return self.process.wait(timeout=60)


def start_scheduler(
    output_file: Path,
    *options: str,
    url: str = "",
    stdout: int | None = None,
    stderr: int | None = None,
    **variables: str,
) -> SchedulerProcess:
    """Start one on the database at `url`; by default on the one of this process. What it says
    goes to the file, unless to `stdout` or `stderr`."""
    with output_file.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "runscheduler", *options],
            cwd=ROOT,
            env=environment(url or database_url(), **variables),
            stdout=output if stdout is None else stdout,
            stderr=output if stderr is None else stderr,
        )
    return SchedulerProcess(process, output_file)


def environment(url: str, **variables: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "DATABASE_URL": url,
        "PGAPPNAME": APPLICATION,
        "SCHEDCORE_ENV_FILE": os.devnull,
        "SCHEDCORE_LEASE_TTL": f"{TTL_S:g}",
        "SCHEDCORE_POLL_INTERVAL": "0.1",
        "SCHEDCORE_SHUTDOWN_GRACE": "10",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def database_url() -> str:
    """The address of the database that this process (a test's) runs on."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{database_file()}"
    settings = connection.settings_dict
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    return (
        f"postgres://{settings['USER']}{password}@{settings['HOST']}"
        f":{settings['PORT'] or 5432}/{settings['NAME']}"
    )


def database_file() -> Path:
    return Path(connection.settings_dict["NAME"])


class Kin(NamedTuple):
    """A process; its start tells it from a later one of the same pid."""

    pid: int
    started: str


def descendants(pid: int) -> set[Kin]:
    """The processes that it has started, and those that they have."""
    children: dict[int, set[Kin]] = {}
    for kin, parent in _processes():
        children.setdefault(parent, set()).add(kin)
    found: set[Kin] = set()
    pids = [pid]
    while pids:
        new = children.get(pids.pop(), set()) - found
        found |= new
        pids += [kin.pid for kin in new]
    return found


def still_alive(known: set[Kin]) -> set[Kin]:
    return known & {kin for kin, _parent in _processes()}


def _processes() -> Iterator[tuple[Kin, int]]:
    """All processes that are no zombies, with their parents' pids."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()  # see proc(5), from field 3 on
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] not in "ZX":
            yield Kin(int(file.parent.name), fields[19]), int(fields[1])
