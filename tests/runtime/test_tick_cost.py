"""How many statements a tick costs: a handful, and not more for a thousand jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob

from jobs.models import Job, JobExecution, Status
from jobs.registry import scheduled_task
from jobs.runtime.identity import Identity
from jobs.runtime.scheduler import SchedcoreScheduler


@pytest.fixture
def leader(transactional_db: None) -> Iterator[SchedcoreScheduler]:
    """A leader whose loop is not started: the test is the loop."""
    scheduler = SchedcoreScheduler(Identity(host_id=""))
    now = datetime.now(UTC)
    scheduler.membership.register(now)
    with transaction.atomic():
        scheduler.membership.lease = scheduler.membership.try_to_lead(now)
    yield scheduler
    scheduler.membership.release()


def statements_of_a_tick(leader: SchedcoreScheduler, due_jobs: int) -> int:
    @scheduled_task(name=f"quick_{due_jobs}")
    def quick() -> None:
        pass

    now = datetime.now(UTC)
    ids = [f"job-{due_jobs}-{number}" for number in range(due_jobs)]
    Job.objects.bulk_create(
        Job(
            id=job_id,
            name=job_id,
            function=f"quick_{due_jobs}",
            trigger_type="interval",
            trigger_params={"hours": 1},
            anchor=now - timedelta(hours=1),
        )
        for job_id in ids
    )
    DjangoJob.objects.bulk_create(
        DjangoJob(pk=job_id, next_run_time=now, job_state=b"") for job_id in ids
    )
    lease = leader.membership.lease
    assert lease is not None
    with CaptureQueriesContext(
        connection,
    ) as queries:
        leader._tick(lease, claims=True)
    return len(queries)


def test_a_tick_for_one_due_job_costs_a_handful_of_statements(leader: SchedcoreScheduler) -> None:
    assert statements_of_a_tick(leader, 1) <= 10  # BEGIN and COMMIT included


def test_a_tick_for_a_thousand_due_jobs_costs_no_more(leader: SchedcoreScheduler) -> None:
    """Pain 21."""
    # On SQLite a batch is one prepared statement that is run for each row in this process;
    # the capture counts it once.
    assert statements_of_a_tick(leader, 1000) <= 10
    assert JobExecution.objects.count() == 1000
    assert JobExecution.objects.filter(status=Status.RUNNING).count() == 5
