"""The end of a pool's own threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from jobs.admin.job_form import JobForm
from jobs.executions.claim import EXECUTORS
from jobs.models import Job, JobExecution, Status
from jobs.runtime.executors.pools import Pools
from jobs.runtime.scheduler import SchedcoreScheduler
from tests.runtime.runs import run
from tests.waiting import until


def test_workers_end_with_their_scheduler_though_it_takes_back_what_waits(
    start_scheduler: Callable[..., SchedcoreScheduler],
    job: Callable[..., Job],
    gate: threading.Event,
) -> None:
    """The loop takes back what waits for a worker, and not the word that the workers may go."""

    def patient() -> None:
        gate.wait(60)

    scheduler = start_scheduler()
    pool = scheduler.pools["threads"]
    made = job(patient, max_instances=pool.workers)
    for _worker in range(pool.workers):
        run(made)
    going = JobExecution.objects.filter(status=Status.RUNNING)
    until(lambda: going.count() == pool.workers)
    until(lambda: scheduler.pools.figures()["full_executors"] == ["threads"])
    pool.shutdown(wait=False)
    assert pool.take_back() == []
    gate.set()
    until(lambda: not any(thread.is_alive() for thread in pool.threads))


def test_every_executor_that_a_job_may_name_has_its_pool_and_its_place_in_the_form() -> None:
    assert Pools(lambda: None).aliases() == EXECUTORS
    assert {value for value, _label in JobForm.base_fields["executor"].choices} == EXECUTORS
