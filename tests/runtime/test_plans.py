"""What the loop asks of the database is answered by an index, however long the history is."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_apscheduler.models import DjangoJob

from jobs.executions.recovery import interrupt_orphans, interrupt_own
from jobs.models import Job
from jobs.registry import scheduled_task
from jobs.runtime.identity import Identity
from jobs.runtime.scheduler import SchedcoreScheduler

HISTORY = "jobs_jobexecution"


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


def test_no_statement_of_the_loop_reads_the_whole_history(
    leader: SchedcoreScheduler, gate: threading.Event
) -> None:
    """Pain 22."""
    if connection.vendor != "sqlite":
        pytest.skip("other databases plan by how much there is, which is nothing here")

    @scheduled_task
    def waits() -> None:
        gate.wait()

    now = datetime.now(UTC)
    Job.objects.create(
        id="waits",
        name="Waits",
        function="waits",
        trigger_type="interval",
        trigger_params={"hours": 1},
        anchor=now - timedelta(hours=1),
    )
    DjangoJob.objects.create(pk="waits", next_run_time=now, job_state=b"")
    lease = leader.membership.lease
    assert lease is not None
    with CaptureQueriesContext(connection) as queries:
        leader._tick(lease, claims=True)
        assert leader.pools.runs(), "else nobody looks for cancellations"
        leader._notice_cancels()
        leader._reconcile()
        leader._miss_late(lease)
        leader._look_around()
        with transaction.atomic():
            interrupt_orphans(now=now)
            interrupt_own("nobody", now=now)

    about_history = [
        statement
        for statement in (query["sql"] for query in queries)
        if HISTORY in statement and re.match(r"SELECT|UPDATE|DELETE", statement)
    ]
    assert len(about_history) > 8
    whole = [
        (statement, step)
        for statement in about_history
        for step in plan(statement)
        if re.fullmatch(rf"SCAN (\w|{HISTORY})", step)
    ]
    assert whole == []


def plan(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [row[3] for row in cursor.fetchall()]
