"""Tasks of these tests, and the whole state that a refusal must leave as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from django_apscheduler.models import DjangoJob

from jobs.models import AuditEvent, Job, JobExecution, Revision
from jobs.registry import isolated_registry, scheduled_task


@pytest.fixture(autouse=True)
def _own_tasks() -> Iterator[None]:
    with isolated_registry():

        @scheduled_task
        def send_report(
            *, recipient: str = "all", days: int = 7, until: date | None = None
        ) -> None:
            """Mails the report."""

        @scheduled_task
        def take_anything(*rest: Any, **named: Any) -> None:
            """Takes what comes."""

        yield


def state() -> dict[str, Any]:
    """Every row that a change may write."""
    models = (Job, DjangoJob, JobExecution, AuditEvent, Revision)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def revision() -> int:
    return Revision.objects.values_list("number", flat=True).first() or 0


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


@contextmanager
def _nothing_changes() -> Iterator[None]:
    before = state()
    yield
    assert state() == before


@pytest.fixture
def nothing_changes() -> Callable[[], Any]:
    """`with nothing_changes():` fails if a row, an audit event or the revision changes in it."""
    return _nothing_changes
