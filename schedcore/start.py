"""What every process of the project does before anything else."""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.utils.translation import gettext as _

EXIT_CODE = 3
"""gunicorn takes it for "worker failed to boot" and ends, where any other code of a worker
that does not start makes it start the next one, for ever."""


def stop_on_problems() -> None:
    """End the process, with one sentence a problem, if the environment cannot be used."""
    if not settings.SCHEDCORE_PROBLEMS:
        return
    django.setup()  # for the language of the sentences
    lines = [_("schedcore cannot start:")]
    lines += [f"- {problem.sentence} {problem.hint}" for problem in settings.SCHEDCORE_PROBLEMS]
    sys.stderr.write("\n".join(lines) + "\n")
    raise SystemExit(EXIT_CODE)
