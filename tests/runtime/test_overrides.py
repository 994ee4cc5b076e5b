"""What of APScheduler and django-apscheduler is replaced; a new version that changes it shows here.

When one of these fails after an upgrade: read what has changed, see whether our replacement
must follow, and then put the new digest here.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from django_apscheduler.jobstores import DjangoJobStore, DjangoResultStoreMixin
from django_apscheduler.models import DjangoJob


def digest(function: Callable[..., Any]) -> str:
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("function", "known"),
    [
        (BaseScheduler._process_jobs, "efd3944de4e2"),
        (BlockingScheduler._main_loop, "e21b0684f3ca"),
        (BlockingScheduler.wakeup, "3a813ae1ff4d"),
        (BackgroundScheduler.start, "2767bdd39968"),
        (BackgroundScheduler.shutdown, "e002a9867a3a"),
        (BaseScheduler.shutdown, "ef18d868a76d"),
        (BaseExecutor.start, "fb1171766a26"),
        (BaseExecutor.submit_job, "6856c7933692"),
        (DjangoResultStoreMixin.start, "2da0b27a3932"),
        (DjangoJobStore.__init__, "9810fc5a5fea"),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_what_is_overridden_is_still_what_it_was(function: Callable[..., Any], known: str) -> None:
    assert digest(function) == known


def test_the_schedule_row_has_the_columns_that_are_written() -> None:
    assert {field.name for field in DjangoJob._meta.concrete_fields} == {
        "id",
        "next_run_time",
        "job_state",
    }
