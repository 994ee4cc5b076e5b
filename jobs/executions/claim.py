"""Claim: every occurrence that is due becomes a row, and its job's schedule moves on.

All in the caller's transaction and with a fixed number of statements, however many jobs are
due (invariant 3 of the design).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper
from django.utils import timezone as django_timezone
from django.utils.translation import gettext as _

from jobs.errors import SchedulerError
from jobs.executions.database import (
    from_database,
    from_json,
    in_list,
    insert_rows,
    is_postgresql,
    list_parameter,
    readable_moment,
    to_database,
    update_rows,
)
from jobs.executions.fencing import Lease
from jobs.executions.hand_out import Handout
from jobs.executions.problems import ProblemChange, record_problems
from jobs.executions.stretches import Stretch, stretches_due
from jobs.models.execution import UNFINISHED, Source, Status
from jobs.registry import Policies, get_task, policies_of
from jobs.triggers import Spec, read_spec, trigger_from

logger = logging.getLogger(__name__)

MAX_DUE_JOBS = 1000
"""Jobs that one transaction claims; the rest follow in the next."""

EXECUTORS = frozenset({"threads", "processes"})

INSERTED: dict[str, str] = {
    "job_id": "varchar",
    "job_name": "varchar",
    "function": "varchar",
    "args": "jsonb",
    "kwargs": "jsonb",
    "executor": "varchar",
    "timeout_s": "integer",
    "start_before": "timestamptz",
    "source": "varchar",
    "status": "varchar",
    "owner": "varchar",
    "epoch": "bigint",
    "started_at": "timestamptz",
    "scheduled_for": "timestamptz",
    "first_scheduled_for": "timestamptz",
    "occurrence_count": "integer",
    "is_count_capped": "boolean",
    "queued_at": "timestamptz",
    "finished_at": "timestamptz",
    "released_at": "timestamptz",
    "reason": "text",
}


class DueJob(NamedTuple):
    """A job's two rows, as far as claiming needs them."""

    id: str
    next_run_time: datetime
    name: str
    function: str
    args: str
    kwargs: str
    trigger_type: str
    trigger_params: Any
    timezone: str
    anchor: datetime
    executor: str
    coalesce: bool | None
    max_instances: int | None
    misfire_grace_time: int | None
    timeout: int | None


@dataclass(slots=True)
class Claimed:
    """What one claim did. `stretches` holds (job id, stretch) in the order of the rows."""

    stretches: list[tuple[str, Stretch]] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    handouts: list[Handout] = field(default_factory=list)
    """Of the rows that are running already, as there was room for them."""
    executors: set[str] = field(default_factory=set)
    """Of the rows that were queued."""
    ended: list[int] = field(default_factory=list)
    """Execution ids of the rows that have their verdict already."""


class Upcoming(NamedTuple):
    """The next moment at which a job is due, and a waiting retry; UTC."""

    job: datetime | None
    retry: datetime | None


def claim_due(
    cursor: CursorWrapper, lease: Lease, *, now: datetime, room: Mapping[str, int] | None = None
) -> Claimed:
    """Write a row for every occurrence due at `now`, and move the schedules on.

    A run is queued, or handed out at once as far as there is `room` for it: how many runs an
    executor can take for which nothing waits. The caller hands those to workers after the
    commit, never before. Jobs whose rows are being changed at this moment are left for the
    next claim.
    """
    due = _due_jobs(cursor, now)
    claimed = Claimed()
    if not due:
        return claimed
    going = _unreleased(cursor, [job.id for job in due])
    rows: list[tuple[Any, ...]] = []
    schedules: list[tuple[str, Any]] = []
    free = Counter(room)
    running: dict[tuple[str, datetime], tuple[DueJob, Policies]] = {}
    for job in due:
        policies = policies_of(job)
        try:
            stretches, next_run = _plan(job, policies, now, going.get(job.id, 0), lease.since)
        except Exception as error:  # one job's nonsense must not hold up the others
            sentence = _problem(job, error)
            claimed.broken.append((job.id, sentence))
            first = _moment(job.next_run_time) or now
            stretches = [Stretch(Status.FAILED, first, first, 1, False, sentence)]
            next_run = None
        schedules.append((job.id, to_database(next_run)))
        for stretch in stretches:
            claimed.stretches.append((job.id, stretch))
            taker = None
            if stretch.status == Status.QUEUED:
                if free[job.executor] > 0:
                    free[job.executor] -= 1
                    running[job.id, stretch.last] = (job, policies)
                    taker = lease
                else:
                    claimed.executors.add(job.executor)
            rows.append(_row(job, policies, stretch, now, taker))
    has_ended = any(stretch.status != Status.QUEUED for _id, stretch in claimed.stretches)
    written = insert_rows(
        cursor,
        "jobs_jobexecution",
        INSERTED,
        rows,
        suffix="ON CONFLICT DO NOTHING",
        returning=("id", "job_id", "scheduled_for", "status") if running or has_ended else (),
    )
    # What is missing in `written` was claimed before, and is none of ours.
    for execution_id, job_id, scheduled_for, status in written:
        if status not in UNFINISHED:
            claimed.ended.append(execution_id)
        moment = from_database(scheduled_for)
        if moment is not None and (found := running.get((job_id, moment))):
            claimed.handouts.append(_handout(execution_id, moment, *found, lease))
    update_rows(
        cursor,
        "django_apscheduler_djangojob",
        ("id", "varchar"),
        {"next_run_time": "timestamptz"},
        schedules,
    )
    if claimed.broken:
        _mark_broken(cursor, claimed.broken, {job.id: job.name for job in due})
    return claimed


def _mark_broken(
    cursor: CursorWrapper, broken: Sequence[tuple[str, str]], names: Mapping[str, str]
) -> None:
    update_rows(cursor, "jobs_job", ("id", "varchar"), {"problem": "text"}, broken)
    record_problems(ProblemChange(key, names[key], "", sentence) for key, sentence in broken)


def next_due(cursor: CursorWrapper, now: datetime) -> Upcoming:
    """When something is due next. Schedules without a job do not count."""
    cursor.execute(
        f"SELECT (SELECT {readable_moment('s.next_run_time')} FROM django_apscheduler_djangojob s "
        "JOIN jobs_job j ON j.id = s.id WHERE s.next_run_time IS NOT NULL "
        "ORDER BY s.next_run_time LIMIT 1), (SELECT MIN(start_after) FROM jobs_jobexecution "
        f"WHERE status = '{Status.QUEUED.value}' AND start_after > %s)",
        [to_database(now)],
    )
    return Upcoming(*(_moment(value) for value in cursor.fetchone()))


def _due_jobs(cursor: CursorWrapper, now: datetime) -> list[DueJob]:
    # SKIP LOCKED: whoever is changing a job bumps the revision, which brings the leader back.
    lock = "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    cursor.execute(
        f"SELECT s.id, {readable_moment('s.next_run_time')}, j.name, j.function, j.args, "
        "j.kwargs, j.trigger_type, j.trigger_params, j.timezone, "
        f"{readable_moment('j.anchor')}, j.executor, j.coalesce, j.max_instances, "
        "j.misfire_grace_time, j.timeout "
        "FROM django_apscheduler_djangojob s JOIN jobs_job j ON j.id = s.id "
        f"WHERE s.next_run_time <= %s ORDER BY s.next_run_time, s.id LIMIT {MAX_DUE_JOBS} {lock}",
        [to_database(now)],
    )
    return [DueJob._make(row) for row in cursor.fetchall()]


def _unreleased(cursor: CursorWrapper, job_ids: Sequence[str]) -> dict[str, int]:
    cursor.execute(
        "SELECT job_id, COUNT(*) FROM jobs_jobexecution "
        f"WHERE released_at IS NULL AND {in_list('job_id', 'varchar')} GROUP BY job_id",
        [list_parameter(job_ids)],
    )
    return dict(cursor.fetchall())


def _plan(
    job: DueJob, policies: Policies, now: datetime, going: int, leading_since: datetime
) -> tuple[list[Stretch], datetime | None]:
    """What becomes of the job's due occurrences, and when the next one is."""
    get_task(job.function).arguments.bind(from_json(job.args), from_json(job.kwargs))
    if job.executor not in EXECUTORS:
        raise UnknownExecutor(job.executor)
    first, anchor = _moment(job.next_run_time), _moment(job.anchor)
    if first is None or anchor is None:
        raise Unreadable("next run" if first is None else "anchor")
    if not isinstance(policies.timeout, int):  # SQLite takes any value for any column
        raise Unreadable("timeout")
    zone = job.timezone or django_timezone.get_default_timezone_name()
    trigger = trigger_from(_spec(job.trigger_type, job.trigger_params, zone), anchor, job.id)
    return stretches_due(
        trigger,
        first,
        now,
        policies,
        free=max(policies.max_instances - going, 0),
        leading_since=leading_since,
    )


@lru_cache(maxsize=1000)
def _spec(kind: str, params: Any, zone: str) -> Spec:
    """By what the rows say: many jobs have equal parameters, and one is due again and again."""
    return read_spec(kind, from_json(params), zone)


def _row(
    job: DueJob, policies: Policies, stretch: Stretch, now: datetime, taker: Lease | None
) -> tuple[Any, ...]:
    """`taker` runs it at once; without one it is queued, or has its verdict."""
    moment = to_database(now)
    is_run = stretch.status == Status.QUEUED
    start_before = None
    if is_run and policies.misfire_grace_time:
        start_before = stretch.last + timedelta(seconds=policies.misfire_grace_time)
    several = stretch.count > 1
    return (
        job.id,
        job.name,
        job.function,
        job.args,
        job.kwargs,
        job.executor,
        policies.timeout,
        to_database(start_before),
        Source.SCHEDULE.value,
        Status.RUNNING.value if taker else stretch.status.value,
        taker.holder if taker else "",
        taker.epoch if taker else 0,
        moment if taker else None,
        to_database(stretch.last),
        to_database(stretch.first) if several else None,
        stretch.count,
        stretch.is_capped,
        moment,
        None if is_run else moment,
        None if is_run else moment,
        stretch.reason,
    )


def _handout(
    execution_id: int, scheduled_for: datetime, job: DueJob, policies: Policies, lease: Lease
) -> Handout:
    return Handout(
        execution_id=execution_id,
        job_id=job.id,
        job_name=job.name,
        function=job.function,
        args=from_json(job.args),
        kwargs=from_json(job.kwargs),
        executor=job.executor,
        timeout_s=policies.timeout,
        source=Source.SCHEDULE,
        requested_by="",
        attempt=1,
        scheduled_for=scheduled_for,
        owner=lease.holder,
        epoch=lease.epoch,
    )


def _moment(value: Any) -> datetime | None:
    try:
        return from_database(value)
    except ValueError:  # SQL has written what is no moment
        return None


class Unreadable(SchedulerError):
    """A value of a job's rows was changed by SQL to one that nobody can read."""

    code = "unreadable"

    def __init__(self, what: str) -> None:
        super().__init__(
            _("The %(what)s of its row cannot be read; change the job's trigger or that value.")
            % {"what": what}
        )


class UnknownExecutor(SchedulerError):
    """A job asks for an executor that this scheduler does not have."""

    code = "unknown_executor"

    def __init__(self, executor: str) -> None:
        super().__init__(
            _("There is no executor “%(executor)s”; there is: %(known)s.")
            % {"executor": executor, "known": ", ".join(sorted(EXECUTORS))}
        )


def _problem(job: DueJob, error: Exception) -> str:
    if isinstance(error, SchedulerError):
        return error.message
    logger.error(
        "A job could not be claimed",
        exc_info=error,
        extra={"event": "job.claim_error", "job_id": job.id},
    )
    return _("Its trigger could not be worked out: %(error)s") % {"error": error}
