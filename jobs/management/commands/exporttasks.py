"""`manage.py exporttasks`: the tasks file of the jobs that stand."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from jobs import definitions


class Command(BaseCommand):
    help = "Write the YAML file of all jobs as they stand, which loadtasks reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="Where to; without it, to standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        text = definitions.export()
        if not options["file"]:
            self.stdout.write(text, ending="")
            return
        path = Path(options["file"])
        try:
            path = path.resolve()  # a link stays, its target is replaced
            if path.exists() and not path.is_file():
                raise CommandError(_("“%(path)s” is not a file.") % {"path": path})
            _write_atomically(path, text)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise CommandError(
                _("“%(path)s” cannot be written: %(error)s.")
                % {"path": path, "error": getattr(error, "strerror", None) or error}
            ) from error
        self.stdout.write(_("Wrote the jobs to “%(path)s”.") % {"path": path})


def _write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of it; its mode stays."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
