"""APScheduler's view of the rows: it reads jobs and never writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from apscheduler.job import Job as APSchedulerJob
from apscheduler.jobstores.base import BaseJobStore
from django_apscheduler.jobstores import DjangoJobStore

from jobs.control.schedule import trigger_of
from jobs.executions.database import database_clock
from jobs.models import Job
from jobs.models.job import JobQuerySet
from jobs.registry import find_task, policies_of


class RowsJobStore(DjangoJobStore):  # type: ignore[misc]  # APScheduler has no types
    """Builds APScheduler jobs from `jobs.Job` and its schedule row; unpickles nothing.

    Broken jobs are left out. Jobs are changed through `jobs.control` alone, so that rows,
    audit and revision stay one.
    """

    def start(self, scheduler: Any, alias: str) -> None:
        # Not DjangoJobStore's: it would record executions through event listeners.
        BaseJobStore.start(self, scheduler, alias)

    def lookup_job(self, job_id: str) -> APSchedulerJob | None:
        return next(iter(self._built(_rows().filter(pk=job_id))), None)

    def get_due_jobs(self, now: datetime) -> list[APSchedulerJob]:
        return self._built(_rows().due(now))

    def get_next_run_time(self) -> datetime | None:
        soonest = _rows().armed().first()
        return soonest.next_run_time if soonest else None

    def get_all_jobs(self) -> list[APSchedulerJob]:
        return self._built(_rows())

    def add_job(self, job: APSchedulerJob) -> None:
        _refuse("create")

    def update_job(self, job: APSchedulerJob) -> None:
        _refuse("change")

    def remove_job(self, job_id: str) -> None:
        _refuse("delete")

    def remove_all_jobs(self) -> None:
        _refuse("delete")

    def _built(self, rows: JobQuerySet) -> list[APSchedulerJob]:
        return [job for row in rows.filter(problem="") if (job := self._build(row))]

    def _build(self, row: Job) -> APSchedulerJob | None:
        task = find_task(row.function)
        if task is None:
            return None
        policies = policies_of(row)
        job = APSchedulerJob.__new__(APSchedulerJob)
        job._scheduler = self._scheduler
        job._jobstore_alias = self._alias
        job.id, job.name, job.executor = row.pk, row.name, row.executor
        job.func, job.func_ref = task.func, f"{task.func.__module__}:{task.func.__qualname__}"
        job.args, job.kwargs = row.args, row.kwargs
        job.trigger, job.next_run_time = trigger_of(row), row.next_run_time
        job.misfire_grace_time = policies.misfire_grace_time or None
        job.coalesce, job.max_instances = policies.coalesce, policies.max_instances
        return job


def _rows() -> JobQuerySet:
    return Job.objects.with_schedule(database_clock())


def _refuse(verb: str) -> NoReturn:
    raise TypeError(f"Jobs are rows: use jobs.control.job.{verb}() instead of the scheduler.")
