"""Retry: a run that failed, or whose scheduler died, is queued again as its next attempt.

The new row is written in the transaction that gives the old one its verdict. So the attempt
holds the job's slot without a gap, and no crash can lose it.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from jobs.executions.database import array, is_postgresql, to_database
from jobs.executions.revision import bump_revision
from jobs.models import Job
from jobs.models.execution import Source, Status
from jobs.models.job import MAX_POLICY_SECONDS
from jobs.registry import RetryPolicies, policies_of, retry_policies_of

logger = logging.getLogger(__name__)

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

    def try_again(self, attempt: int) -> bool:
        """After it failed or timed out."""
        return attempt <= self.retry.max_retries

    def run_again(self, attempt: int) -> bool:
        """After it was interrupted."""
        most = self.retry.max_retries + MAX_RERUNS
        return self.retry.rerun_if_interrupted and attempt <= most


class JobPolicies(NamedTuple):
    """As much of a job's row as tells its rules: no JSON, which SQL may have made unreadable."""

    id: str
    function: str
    coalesce: bool | None
    max_instances: int | None
    misfire_grace_time: int | None
    timeout: int | None
    max_retries: int | None
    retry_delay: int | None
    retry_backoff: float | None
    rerun_if_interrupted: bool | None


def retries(ended: Collection[Ended], *, now: datetime) -> list[Attempt]:
    """The next attempts of runs that failed or timed out, of those that have any left.

    Locks the rows of their jobs until the transaction ends, so that whoever pauses one
    meanwhile waits, and then withdraws the retry with what else is queued. Call it before
    executions are locked: jobs come first in the order of locks.
    """
    rules = _rules(ended, now)
    tried = [run for run in ended if _allows(rules, run, Rules.try_again)]
    rules = _rules(tried, now, locks=True)
    return [
        _attempt(run, rules[run.job_id].grace_s, now, delay_s(rules[run.job_id].retry, run.attempt))
        for run in tried
        if _allows(rules, run, Rules.try_again)
    ]


def reruns(ended: Collection[Ended], *, now: datetime) -> tuple[list[Attempt], set[int]]:
    """The next attempts of runs that are to be interrupted, of those whose job asks for it.

    As `retries`, but it waits for no lock: also the ids of executions that have to be left for
    another time, because somebody is changing their job.
    """
    rules = _rules(ended, now)
    wanted = [run for run in ended if _allows(rules, run, Rules.run_again)]
    rules = _rules(wanted, now, locks=True, skip_locked=True)
    attempts = [
        _attempt(run, rules[run.job_id].grace_s, now, 0.0)
        for run in wanted
        if _allows(rules, run, Rules.run_again)
    ]
    unlocked = {run.job_id for run in wanted}.difference(rules)
    changing = set(_rules([run for run in wanted if run.job_id in unlocked], now))
    return attempts, {run.execution_id for run in wanted if run.job_id in changing}


def _rules(
    ended: Collection[Ended], now: datetime, *, locks: bool = False, skip_locked: bool = False
) -> dict[str, Rules]:
    """By job id, of those jobs that run by themselves: not of disabled, paused or deleted ones,
    nor of those whose policies cannot be read."""
    if not ended:
        return {}
    jobs = Job.objects.filter(pk__in={run.job_id for run in ended}, is_enabled=True)
    jobs = jobs.exclude(Job.paused_condition(now)).order_by("pk")
    if locks:
        jobs = jobs.select_for_update(skip_locked=skip_locked)
    found = {}
    for values in jobs.values_list(*JobPolicies._fields):
        job = JobPolicies._make(values)
        grace_s, retry = policies_of(job).misfire_grace_time, retry_policies_of(job)
        if _are_readable(grace_s, retry):
            found[job.id] = Rules(retry, grace_s)
        else:
            logger.error(
                "The retry policies of a job cannot be read; its run is not tried again",
                extra={"event": "job.unreadable", "job_id": job.id},
            )
    return found


def _are_readable(grace_s: Any, retry: RetryPolicies) -> bool:
    """SQLite takes any value for any column, and SQL writes what no form would."""
    numbers = (grace_s, retry.max_retries, retry.retry_delay)
    in_range = all(isinstance(n, int | float) and 0 <= n <= MAX_POLICY_SECONDS for n in numbers)
    backoff = retry.retry_backoff
    return in_range and isinstance(backoff, int | float) and 1 <= backoff < math.inf


def _allows(rules: Mapping[str, Rules], run: Ended, question: Callable[[Rules, int], bool]) -> bool:
    found = rules.get(run.job_id)
    return found is not None and question(found, run.attempt)


def delay_s(policies: RetryPolicies, attempt: int) -> float:
    """Seconds from the end of attempt number `attempt` (from 1) to the next."""
    delay = min(float(policies.retry_delay), MAX_DELAY_S)
    for _step in range(min(attempt - 1, 100)):  # a power would overflow
        delay = min(delay * policies.retry_backoff, MAX_DELAY_S)
    return delay * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311  no secret


def queue_again(
    cursor: CursorWrapper, attempts: Sequence[Attempt], *, after: Collection[Status], now: datetime
) -> None:
    """Insert the queued rows of further attempts, and tell the leader.

    Only of executions whose verdict is one of `after` (another process may have given them
    a different one) and that nobody has asked to cancel, and only once of each.
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
        f"AND e.status IN ({verdicts}) AND e.cancel_requested_at IS NULL "
        "ON CONFLICT DO NOTHING"
    )
