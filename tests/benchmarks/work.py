"""The tasks of every contender: each appends one line, when it was due and when it started."""

from __future__ import annotations

import os
import threading
import time

from tests.benchmarks.workload import STARTS

_lines = os.open(os.environ[STARTS], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

this_run = threading.local()
"""`due` of the run that goes on in this thread, where the scheduler itself does not tell."""


def note_start() -> None:
    note(this_run.due)


def use_orm() -> None:
    orm(this_run.due)


def note(due: float) -> None:
    os.write(_lines, b"%.6f %.6f\n" % (due, time.time()))


def orm(due: float) -> None:
    """The same, from a task that reads and writes through Django."""
    from django.contrib.auth.models import Group

    note(due)
    if not Group.objects.filter(name="nobody").exists():
        Group.objects.filter(name="nobody").update(name="somebody")
