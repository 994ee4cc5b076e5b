"""Everything that the demonstration consists of, in the order in which it has to be made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from django.db import transaction

from jobs.demo.catalogue import custom_jobs
from jobs.demo.estate import make_estate
from jobs.demo.history import make_history
from jobs.demo.jobs import make_jobs
from jobs.demo.many import make_many_executions, make_many_jobs
from jobs.models import BUILTIN_IDS, Job, JobExecution


@dataclass(frozen=True, slots=True)
class Wanted:
    """`days` of history; `jobs` and `executions` beside the forty jobs and theirs."""

    seed: int = 1
    days: int = 30
    jobs: int = 0
    executions: int = 0


def is_seeded() -> bool:
    return Job.objects.filter(pk__in=[demo.id for demo in custom_jobs()]).exists()


def is_in_use() -> bool:
    """There are jobs that somebody has made, or there were runs."""
    return Job.objects.exclude(pk__in=BUILTIN_IDS).exists() or JobExecution.objects.exists()


def seed(wanted: Wanted, *, now: datetime) -> None:
    """The same for the same `wanted` at the same moment."""
    rng = Random(wanted.seed)  # noqa: S311  for looks, not for secrets
    if wanted.executions:
        # First, so that the forty jobs' history is the newest.
        ids = make_many_jobs(max(wanted.jobs, 1), now, rng)
        make_many_executions(ids, wanted.executions, now, rng)
    elif wanted.jobs:
        make_many_jobs(wanted.jobs, now, rng)
    with transaction.atomic():
        jobs = make_jobs(now)
        make_history(jobs, now=now, days=wanted.days, rng=rng)
        make_estate(now, rng)
