"""Tasks that leave a line in a file for every run, to be held against the history."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

from jobs.registry import current_execution, scheduled_task

CHECK_INTERVAL_S = 0.05


@scheduled_task(name="chaos.note")
def note(*, file: str) -> None:
    """Append `Note`'s line to `file`, in one write, so that lines of many runs do not mix."""
    run = current_execution()
    assert run.scheduled_for is not None
    now = datetime.now(UTC)
    words = (
        run.job_id,
        run.scheduled_for.isoformat(),
        run.id,
        run.epoch,
        run.attempt,
        os.getpid(),
        now.isoformat(),
    )
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(descriptor)


@scheduled_task(name="chaos.nap")
def nap(*, file: str, seconds: float) -> None:
    """Leave a line, then take `seconds`."""
    note(file=file)
    pause = threading.Event()
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        current_execution().check()
        pause.wait(min(left, CHECK_INTERVAL_S))


@scheduled_task(name="chaos.wait")
def wait(*, file: str, end: str) -> None:
    """Leave a line, and end when the file `end` is there."""
    note(file=file)
    pause = threading.Event()
    while not os.path.exists(end):
        current_execution().check()
        pause.wait(CHECK_INTERVAL_S)


@scheduled_task(name="chaos.stumble")
def stumble(*, file: str) -> None:
    """Leave a line, and fail unless it is tried again."""
    note(file=file)
    if current_execution().attempt == 1:
        raise RuntimeError("the first attempt fails")
