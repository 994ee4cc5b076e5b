from __future__ import annotations

import logging
import sys
import threading
import warnings
from pathlib import Path

from jobs.registry import scheduled_task


@scheduled_task(name="watched.speak")
def speak() -> None:
    """Say something in every way that there is."""
    logging.getLogger("watched").info("an info")
    print("a print")  # noqa: T201
    print("a complaint", file=sys.stderr)  # noqa: T201
    for _number in range(2):
        warnings.warn("a warning", UserWarning, stacklevel=1)
    thread = threading.Thread(target=print, args=["from a thread"])
    thread.start()
    thread.join()
    print("no end", end="")  # noqa: T201


@scheduled_task(name="watched.spoil")
def spoil() -> None:
    """Leave no standard output to those that come after."""
    sys.stdout = sys.stderr = None  # type: ignore[assignment]


@scheduled_task(name="watched.hold_log")
def hold_log(*, mark: str) -> None:
    """Take the lock of the process's log handler, and never give it back."""
    logging.getLogger().handlers[0].acquire()
    Path(mark).touch()
    threading.Event().wait()
