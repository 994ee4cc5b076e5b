"""Retry: a run that failed, or whose scheduler died, is queued again as its next attempt.

The new row is written in the transaction that gives the old one its verdict. So the attempt
holds the job's slot without a gap, and no crash can lose it.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from jobs.executions.database import array, is_postgresql, to_database
from jobs.executions.revision import bump_revision
from jobs.models import Job
from jobs.models.execution import Source, Status
from jobs.registry import RetryPolicies, policies_of, retry_policies_of

RETRIED = frozenset({Status.FAILED, Status.TIMED_OUT})

MAX_DELAY_S = 7 * 24 * 3600.0
JITTER = 0.1
"""A delay is longer by up to that share, so that what failed together is not tried together."""

MAX_RERUNS = 5
"""How many attempts beyond `max_retries` interruptions may cost, as by a task that kills
its own scheduler."""


class Attempt(NamedTuple):
    """Another attempt of an execution: not before `start_after`, missed after `start_before`."""

    execution_id: int
    start_after: datetime
    start_before: datetime | None


class Ended(NamedTuple):
    """An execution that got a verdict with which it may be tried again."""

    execution_id: int
    job_id: str
    attempt: int


class Rules(NamedTuple):
    """What a job says of its retries; `grace_s` is its misfire grace, 0 for no limit."""

    retry: RetryPolicies
    grace_s: int


def rules_for(ended: Iterable[Ended], *, now: datetime) -> dict[str, Rules]:
    """By job id, of those jobs that run by themselves: not of disabled, paused or deleted ones.

    Their rows are locked until the transaction ends, so that whoever pauses one meanwhile
    waits, and then withdraws the retry with what else is queued.
    """
    running: QuerySet[Job] = Job.objects.filter(
        pk__in={run.job_id for run in ended}, is_enabled=True
    )
    running = running.exclude(Job.paused_condition(now)).order_by("pk")
    return {
        job.pk: Rules(retry_policies_of(job), policies_of(job).misfire_grace_time)
        for job in running.select_for_update()
    }


def retries(ended: Iterable[Ended], rules: dict[str, Rules], *, now: datetime) -> list[Attempt]:
    """The next attempts of runs that failed or timed out, of those that have any left."""
    return [
        _attempt(run, found.grace_s, now, delay_s(found.retry, run.attempt))
        for run in ended
        if (found := rules.get(run.job_id)) and run.attempt <= found.retry.max_retries
    ]


def reruns(ended: Iterable[Ended], rules: dict[str, Rules], *, now: datetime) -> list[Attempt]:
    """The next attempts of interrupted runs, of those whose job asks for it."""
    return [
        _attempt(run, found.grace_s, now, 0.0)
        for run in ended
        if (found := rules.get(run.job_id))
        and found.retry.rerun_if_interrupted
        and run.attempt <= found.retry.max_retries + MAX_RERUNS
    ]


def delay_s(policies: RetryPolicies, attempt: int) -> float:
    """Seconds from the end of attempt number `attempt` (from 1) to the next."""
    steps = min(attempt - 1, 100)
    delay = min(policies.retry_delay * policies.retry_backoff**steps, MAX_DELAY_S)
    return delay * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311  no secret


def queue_again(
    cursor: CursorWrapper, attempts: Sequence[Attempt], *, after: Collection[Status], now: datetime
) -> None:
    """Insert the queued rows of further attempts, and tell the leader.

    Only of executions whose verdict is one of `after` (another process may have given them
    a different one), and only once of each.
    """
    if not attempts:
        return
    values = [
        (attempt.execution_id, to_database(attempt.start_after), to_database(attempt.start_before))
        for attempt in attempts
    ]
    queued_at = to_database(now)
    if is_postgresql():
        again = (
            "unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) "
            "AS v (id, start_after, start_before)"
        )
        columns = [array(column) for column in zip(*values, strict=True)]
        cursor.execute(_insert(again, after), [queued_at, *columns])
    else:
        again = "(SELECT %s AS id, %s AS start_after, %s AS start_before) AS v"
        cursor.executemany(_insert(again, after), [[queued_at, *row] for row in values])
    bump_revision()


def _attempt(run: Ended, grace_s: int, now: datetime, delay: float) -> Attempt:
    start_after = now + timedelta(seconds=delay)
    grace = timedelta(seconds=grace_s)
    return Attempt(run.execution_id, start_after, start_after + grace if grace else None)


def _insert(again: str, after: Collection[Status]) -> str:
    verdicts = ", ".join(f"'{status.value}'" for status in after)
    moment = "%s::timestamptz" if is_postgresql() else "%s"
    return (
        "INSERT INTO jobs_jobexecution (job_id, job_name, function, args, kwargs, executor, "
        "timeout_s, scheduled_for, first_scheduled_for, occurrence_count, is_count_capped, "
        "requested_by, attempt, retry_of_id, source, status, queued_at, start_after, "
        "start_before, reason) "
        "SELECT e.job_id, e.job_name, e.function, e.args, e.kwargs, e.executor, "
        "e.timeout_s, e.scheduled_for, e.first_scheduled_for, e.occurrence_count, "
        "e.is_count_capped, e.requested_by, e.attempt + 1, e.id, "
        f"'{Source.RETRY.value}', '{Status.QUEUED.value}', {moment}, v.start_after, "
        f"v.start_before, '' FROM jobs_jobexecution e, {again} WHERE e.id = v.id "
        f"AND e.status IN ({verdicts}) "
        "ON CONFLICT DO NOTHING"
    )
