from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django_apscheduler.models import DjangoJob

from jobs.control.schedule import MARKER
from jobs.executions.claim import Claimed, claim_due
from jobs.executions.fencing import Lease
from jobs.models import Job
from jobs.registry import isolated_registry, scheduled_task

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _task() -> Iterator[None]:
    with isolated_registry():

        @scheduled_task
        def work() -> None:
            pass

        yield


@pytest.fixture
def due_job(db: None) -> Callable[..., Job]:
    """A job every ten seconds whose next run is `next_run`, as rows and nothing else."""

    def make(next_run: datetime | None, **fields: Any) -> Job:
        given = {
            "id": "work",
            "name": "Work",
            "function": "work",
            "trigger_type": "interval",
            "trigger_params": {"seconds": 10},
            "anchor": datetime(2026, 1, 1, tzinfo=UTC),
            **fields,
        }
        job = Job.objects.create(**given)
        DjangoJob.objects.create(pk=job.pk, next_run_time=next_run, job_state=MARKER)
        return job

    return make


@pytest.fixture
def claim(db: None) -> Callable[..., Claimed]:
    """Claim what is due at a moment, in one transaction."""

    def run(
        now: datetime = NOW, leading_since: datetime = NOW, room: dict[str, int] | None = None
    ) -> Claimed:
        with transaction.atomic(), connection.cursor() as cursor:
            return claim_due(cursor, Lease("leader", 1, leading_since), now=now, room=room)

    return run
