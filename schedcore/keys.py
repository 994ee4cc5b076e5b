"""The keys that development makes for itself and keeps."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def kept(path: Path, make: Callable[[], str]) -> str:
    """The text kept in that file; made at the first call, readable by its owner alone.

    Processes that ask at the same time get the same text: one at a time looks and makes, and
    the file appears with all of its content. Raises OSError where it cannot be read or written.
    """
    if found := _text(path):
        return found
    lock = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _text(path) or _written(path, make())
    finally:
        os.close(lock)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _written(path: Path, text: str) -> str:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return text
