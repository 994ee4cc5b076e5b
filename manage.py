#!/usr/bin/env python3
"""Django's command-line utility, with one sentence for a newcomer's usual faults."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

WITHOUT_SETTINGS = {"check", "help", "version", "--help", "-h", "--version"}
"""Commands that also work, or say what is wrong, where the environment cannot be used."""


UNWRITTEN, UNREAD = 3, 141
"""Exit codes where standard output takes no more: its disk is full, or its reader has gone."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")
    replace_closed()
    try:
        attempt(sys.argv)
    except SystemExit:
        stop_if_unwritten()
        raise
    except OSError:
        stop_if_unwritten("\n")  # without a buffer nothing is left that could fail again
        raise
    stop_if_unwritten()


def replace_closed() -> None:
    """Where the caller has closed an output, as by `>&-`, Python has None: it becomes one that
    takes nothing, as on a full disk, or everything where nobody could be told."""
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def attempt(argv: list[str]) -> None:
    try:
        run(argv)
    except ModuleNotFoundError as error:
        stop(missing_module(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def run(argv: list[str]) -> None:
    from django import get_version
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from schedcore.start import stop_on_problems
    from schedcore.version import VERSION

    if argv[1:] in (["version"], ["--version"]):
        sys.stdout.write(f"schedcore {VERSION}, Django {get_version()}\n")
        return
    try:
        if argv[1:] and argv[1] not in WITHOUT_SETTINGS:
            stop_on_problems()
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        stop(str(error))


def missing_module(error: ModuleNotFoundError) -> str:
    """Which module is not there, who asked for it, and what to do."""
    asking = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(asking) if "importlib" not in f.filename), None)
    where = f" (imported in {place.filename}, line {place.lineno})" if place else ""
    return (
        f"The Python module {error.name} is not installed for {sys.executable}{where}. "
        "`make run` installs what schedcore needs into .venv; "
        "then use .venv/bin/python manage.py …"
    )


def stop_if_unwritten(more: str = "") -> None:
    """End with a sentence if standard output did not take what a command told, or takes no more."""
    try:
        sys.stdout.write(more)
        sys.stdout.flush()
    except OSError as error:
        # Or Python complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(UNREAD) from None
        stop(f"Standard output could not be written: {error.strerror}.", UNWRITTEN)


def stop(sentence: str, code: int = 1) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
