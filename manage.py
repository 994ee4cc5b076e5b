#!/usr/bin/env python3
"""Django's command-line utility, with one sentence for a newcomer's usual faults."""

from __future__ import annotations

import os
import sys
import traceback

WITHOUT_SETTINGS = {"check", "help", "version", "--help", "-h", "--version"}
"""Commands that also work, or say what is wrong, where the environment cannot be used."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")
    try:
        run(sys.argv)
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


def stop(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(1)


if __name__ == "__main__":
    main()
