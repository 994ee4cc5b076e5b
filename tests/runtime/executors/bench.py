"""An executor without a scheduler around it, and what its runs have said."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

from apscheduler.schedulers.background import BackgroundScheduler

from jobs.executions.finish import LogLine, Progress, Verdict
from jobs.executions.hand_out import Handout
from jobs.models.execution import Source
from jobs.runtime import capture
from jobs.runtime.clock import Clock
from jobs.runtime.executors.pool import Pool
from jobs.runtime.recorder import Finished, Recorder
from jobs.runtime.run import Run
from tests.waiting import until

OCCURRENCE = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)


class Notes:
    """Takes the recorder's place."""

    def __init__(self) -> None:
        self.finished: list[Finished] = []
        self.released: list[int] = []
        self.lines: list[LogLine] = []
        self.told: list[Progress] = []

    def finish(self, finished: Finished) -> None:
        self.finished.append(finished)

    def release(self, execution_id: int) -> None:
        self.released.append(execution_id)

    def log(self, line: LogLine) -> None:
        self.lines.append(line)

    def progress(self, progress: Progress) -> None:
        self.told.append(progress)


class Bench:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.notes = Notes()
        self._numbers = count(1)

    def give(self, task: str, *args: Any, **fields: Any) -> Run:
        """Hand a run over, and go on; `fields` are those of the handout."""
        given: dict[str, Any] = {
            "execution_id": next(self._numbers),
            "job_id": "job",
            "job_name": "Job",
            "function": task,
            "args": list(args),
            "kwargs": {},
            "executor": self.pool.alias,
            "timeout_s": 0,
            "source": Source.SCHEDULE,
            "requested_by": "",
            "attempt": 1,
            "scheduled_for": OCCURRENCE,
            "owner": "one",
            "epoch": 3,
        }
        capture.put_back()  # pytest sets its own streams for each part of a test
        handout = Handout(**{**given, **fields})
        run = Run(handout, cast(Recorder, self.notes), Clock())
        run.handed_over = math.inf  # never too late: there is no loop here to hand it out again
        self.pool.hand_over(run)
        return run

    def call(self, task: str, *args: Any, **fields: Any) -> Verdict:
        """Run a task to its verdict."""
        return self.verdict(self.give(task, *args, **fields))

    def verdict(self, run: Run) -> Verdict:
        return self.finish_of(run).verdict

    def finish_of(self, run: Run) -> Finished:
        """Once it is there; overdue runs get theirs from here, as they do from the loop."""

        def look() -> list[Finished]:
            if finished := run.finish_overdue():
                self.notes.finish(finished)
            return self._of(run)

        (only,) = until(look, deadline_s=60)
        return only

    def has_returned(self, run: Run) -> None:
        """Wait until it has given its slot back."""
        until(lambda: run not in self.pool.runs())

    def lines(self, run: Run) -> list[str]:
        return [line.message for line in self._lines(run)]

    def levels(self, run: Run) -> list[tuple[int, str]]:
        return [(line.level, line.logger) for line in self._lines(run)]

    def progress(self, run: Run) -> list[Progress]:
        wanted = run.handout.execution_id
        return [told for told in list(self.notes.told) if told.execution_id == wanted]

    def _lines(self, run: Run) -> list[LogLine]:
        wanted = run.handout.execution_id
        return [line for line in list(self.notes.lines) if line.execution_id == wanted]

    def _of(self, run: Run) -> list[Finished]:
        wanted = run.handout.execution_id
        return [item for item in list(self.notes.finished) if item.verdict.execution_id == wanted]


@contextmanager
def benched(pool: Pool) -> Iterator[Bench]:
    """The pool at work; its threads have ended afterwards."""
    pool.start(BackgroundScheduler(), pool.alias)
    try:
        yield Bench(pool)
    finally:
        pool.shutdown(wait=False)
        until(lambda: not any(thread.is_alive() for thread in pool.threads))


def lives(pid: int) -> bool:
    """Whether the process is there, and no mere entry that nobody has reaped yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def children_of(pid: int) -> list[int]:
    """Process ids, those that nobody has reaped yet among them."""
    lists = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(found) for text in lists for found in text.split()]


def open_files(pid: int) -> list[str]:
    """What the descriptors of a process lead to."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.append(os.readlink(descriptor))
    return sorted(found)


def pid_in(file: Path) -> int:
    """The process id that a task has written down, once it has."""
    return int(until(lambda: file.exists() and file.read_text().strip()))
