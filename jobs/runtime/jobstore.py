"""APScheduler's view of the rows: it reads jobs and never writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn

from apscheduler.job import Job as APSchedulerJob
from apscheduler.jobstores.base import BaseJobStore
from django_apscheduler.jobstores import DjangoJobStore

from jobs.control.schedule import trigger_of
from jobs.models import Job
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
        return next(iter(self._built(pk=job_id)), None)

    def get_due_jobs(self, now: datetime) -> list[APSchedulerJob]:
        return self._built(next_run_time__lte=now)

    def get_next_run_time(self) -> datetime | None:
        rows = Job.objects.with_schedule(datetime.now(UTC)).filter(next_run_time__isnull=False)
        return rows.order_by("next_run_time").values_list("next_run_time", flat=True).first()

    def get_all_jobs(self) -> list[APSchedulerJob]:
        return self._built()

    def add_job(self, job: APSchedulerJob) -> None:
        _refuse("create")

    def update_job(self, job: APSchedulerJob) -> None:
        _refuse("change")

    def remove_job(self, job_id: str) -> None:
        _refuse("delete")

    def remove_all_jobs(self) -> None:
        _refuse("delete")

    def _built(self, **filters: Any) -> list[APSchedulerJob]:
        rows = Job.objects.with_schedule(datetime.now(UTC)).filter(problem="", **filters)
        return [job for row in rows.order_by("next_run_time", "pk") if (job := self._build(row))]

    def _build(self, row: Job) -> APSchedulerJob | None:
        task = find_task(row.function)
        if task is None:
            return None
        policies = policies_of(row)
        job = APSchedulerJob.__new__(APSchedulerJob)
        job._scheduler = self._scheduler
        job._jobstore_alias = self._alias
        job.__setstate__(
            {
                "version": 1,
                "id": row.pk,
                "func": f"{task.func.__module__}:{task.func.__qualname__}",
                "args": row.args,
                "kwargs": row.kwargs,
                "trigger": trigger_of(row),
                "executor": row.executor,
                "name": row.name,
                "misfire_grace_time": policies.misfire_grace_time or None,
                "coalesce": policies.coalesce,
                "max_instances": policies.max_instances,
                "next_run_time": row.next_run_time,
            }
        )
        return job


def _refuse(verb: str) -> NoReturn:
    raise TypeError(f"Jobs are rows: use jobs.control.job.{verb}() instead of the scheduler.")
