"""Thirty days of executions that look as if a scheduler had run, with every verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Max

from jobs.control.schedule import trigger_of
from jobs.demo.catalogue import DemoJob
from jobs.demo.sayings import ERRORS, FAILING, WARNINGS, log_of, result_of, traceback_of
from jobs.errors import SchedulerError
from jobs.models import ExecutionLog, Job, JobExecution, LogLevel, Source, Status
from jobs.registry import policies_of, retry_policies_of

BATCH = 1000
LOGGED = 12
"""Runs of each job whose log is kept."""

LONG_LOG = 2500
OUTAGE_DAYS, OUTAGE = 11, timedelta(minutes=50)
"""So many days ago no scheduler ran for a while."""

CRASH_DAYS = 5
FAILING_DAYS = 4
PEOPLE = ("anna.keller", "陈明", "deploy-bot")


def make_history(
    jobs: Sequence[tuple[Job, DemoJob]], *, now: datetime, days: int, rng: Random
) -> int:
    """Executions and their logs up to `now`; returns the number of executions."""
    rows = [row for job, demo in jobs for row in _History(job, demo, now, days, rng).rows()]
    rows.sort(key=lambda row: row.queued_at)
    first = (JobExecution.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
    for key, row in enumerate(rows, start=first):
        row.pk = key
    for row in rows:
        if row.retry_of is not None:
            row.retry_of_id = row.retry_of.pk
    with transaction.atomic():
        JobExecution.objects.bulk_create(rows, batch_size=BATCH)
        _continue_keys()
        ExecutionLog.objects.bulk_create(_logs(rows, rng), batch_size=BATCH)
    return len(rows)


class _History:
    """Of one job."""

    def __init__(self, job: Job, demo: DemoJob, now: datetime, days: int, rng: Random) -> None:
        self.job, self.demo, self.now, self.rng = job, demo, now, rng
        self.since = now - timedelta(days=days)
        self.days = days
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.outage_from = midnight - timedelta(days=OUTAGE_DAYS) + timedelta(hours=9, minutes=10)
        self.crash_at = midnight - timedelta(days=CRASH_DAYS) + timedelta(hours=3, minutes=17)
        self.busy_until = self.since

    def rows(self) -> Iterator[JobExecution]:
        missed: list[datetime] = []
        for at in self.occurrences():
            if self.outage_from <= at < self.outage_from + OUTAGE:
                missed.append(at)
                continue
            if missed:
                yield self.missed(missed)
                missed = []
            yield from self.runs(at)
        yield from self.by_hand()
        yield from self.unfinished()

    def occurrences(self) -> Iterator[datetime]:
        if self.demo.fate == "finished":
            yield self.now - timedelta(days=min(20, self.days - 1), hours=3)
            return
        anchor, self.job.anchor = self.job.anchor, self.since
        try:
            trigger = trigger_of(self.job)
        except SchedulerError:
            return
        finally:
            self.job.anchor = anchor
        until = self.now - timedelta(days=6 if self.demo.fate in ("disabled", "paused") else 0)
        at = trigger.after(self.since)
        while at is not None and at < until - timedelta(seconds=2):
            yield at.astimezone(UTC)
            at = trigger.after(at)

    def runs(self, at: datetime) -> Iterator[JobExecution]:
        """What became of one occurrence: a run, and its retries if it failed."""
        if at < self.busy_until:
            yield self.skipped(at)
            return
        row = self.run(at, Source.SCHEDULE)
        yield row
        policies = retry_policies_of(self.job)
        delay = float(policies.retry_delay)
        while (
            row.status in (Status.FAILED, Status.TIMED_OUT) and row.attempt <= policies.max_retries
        ):
            again = (row.finished_at or at) + timedelta(seconds=delay)
            if again >= self.now:
                return
            retry = self.run(again, Source.RETRY)
            retry.attempt, retry.retry_of, retry.scheduled_for = row.attempt + 1, row, at
            yield retry
            row, delay = retry, delay * policies.retry_backoff

    def run(self, at: datetime, source: Source, **fields: Any) -> JobExecution:
        started = at + timedelta(milliseconds=self.rng.randrange(4, 70))
        seconds = self.seconds(at)
        status = self.verdict(at, started, seconds)
        limit = policies_of(self.job).timeout
        if status == Status.TIMED_OUT:
            seconds = limit
        if status in (Status.FAILED, Status.CANCELLED):
            seconds *= self.rng.uniform(0.05, 0.9)
        seconds = min(seconds, (self.now - started).total_seconds())
        finished = started + timedelta(seconds=seconds)
        self.busy_until = finished
        said = self.words(status, limit)
        return self.row(
            source=source,
            status=status,
            scheduled_for=at,
            queued_at=at,
            started_at=started,
            finished_at=finished,
            released_at=finished,
            duration_s=round(seconds, 4),
            **{**said, **fields},
        )

    def seconds(self, at: datetime) -> float:
        """Around the usual, a little more each day, and rarely much more."""
        age = (at - self.since) / timedelta(days=self.days)
        seconds = self.demo.seconds * self.rng.lognormvariate(0, 0.14) * (1 + 0.25 * age)
        if self.demo.habit == "slow":
            seconds *= 1 + 0.9 * age**3
        if self.demo.habit == "overlapping" and self.rng.random() < 0.03:
            return seconds * 4
        return seconds * (2.4 if self.rng.random() < 0.02 else 1)

    def verdict(self, at: datetime, started: datetime, seconds: float) -> Status:
        habit, dice = self.demo.habit, self.rng.random()
        limit = policies_of(self.job).timeout
        if started <= self.crash_at < started + timedelta(seconds=seconds):
            return Status.INTERRUPTED
        if habit == "failing" and at > self.now - timedelta(days=FAILING_DAYS):
            return Status.FAILED
        if limit and seconds > limit:
            return Status.TIMED_OUT
        if dice < (0.045 if habit == "flaky" else 0.002):
            return Status.FAILED
        if dice > 0.9985:
            return Status.CANCELLED
        return Status.SUCCEEDED

    def words(self, status: Status, limit: int) -> dict[str, Any]:
        if status == Status.SUCCEEDED:
            warns = self.rng.random() < (0.3 if self.demo.habit == "warning" else 0.004)
            warning = self.rng.choice(WARNINGS) if warns else ""
            return {"result": result_of(self.job.function, self.rng), "warning": warning}
        if status == Status.FAILED:
            error = FAILING if self.demo.habit == "failing" else self.rng.choice(ERRORS)
            return {"error": error, "traceback": traceback_of(self.job.function, error)}
        if status == Status.TIMED_OUT:
            return {"reason": f"It took longer than its timeout of {limit} s."}
        if status == Status.CANCELLED:
            who = self.rng.choice(PEOPLE)
            return {"reason": f"Cancelled by {who}.", "cancel_requested_by": who}
        return {"reason": "The scheduler process that ran it died."}

    def missed(self, moments: list[datetime]) -> JobExecution:
        back = self.outage_from + OUTAGE + timedelta(seconds=3)
        return self.row(
            source=Source.SCHEDULE,
            status=Status.MISSED,
            scheduled_for=moments[-1],
            first_scheduled_for=moments[0] if len(moments) > 1 else None,
            occurrence_count=len(moments),
            queued_at=back,
            finished_at=back,
            released_at=back,
            reason="No scheduler was running.",
        )

    def skipped(self, at: datetime) -> JobExecution:
        return self.row(
            source=Source.SCHEDULE,
            status=Status.SKIPPED,
            scheduled_for=at,
            queued_at=at,
            finished_at=at,
            released_at=at,
            reason="An earlier run was still going (1 of at most 1).",
        )

    def by_hand(self) -> Iterator[JobExecution]:
        """Now and then somebody presses the button."""
        for _ in range(self.rng.randrange(0, 3) if self.demo.fate != "broken" else 0):
            at = self.now - timedelta(hours=self.rng.uniform(1, 24 * self.days - 1))
            yield self.run(at, Source.MANUAL, requested_by=self.rng.choice(PEOPLE))

    def unfinished(self) -> Iterator[JobExecution]:
        if self.demo.fate == "running":
            at = self.now - timedelta(seconds=self.demo.seconds * 0.4)
            yield self.row(
                source=Source.MANUAL,
                requested_by=PEOPLE[0],
                status=Status.RUNNING,
                scheduled_for=at,
                queued_at=at,
                started_at=at,
                owner="demo",
                progress_done=4,
                progress_total=10,
                progress_message="part 4 of 10",
            )
        elif self.demo.fate == "queued":
            at = self.now - timedelta(seconds=1)
            yield self.row(
                source=Source.MANUAL,
                requested_by=PEOPLE[1],
                status=Status.QUEUED,
                scheduled_for=at,
                queued_at=at,
            )

    def row(self, **fields: Any) -> JobExecution:
        return JobExecution(
            job=self.job,
            job_name=self.job.name,
            function=self.job.function,
            args=self.job.args,
            kwargs=self.job.kwargs,
            executor=self.job.executor,
            timeout_s=policies_of(self.job).timeout,
            **fields,
        )


def _continue_keys() -> None:
    """The keys were given here, so the database's own counter has to be told."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [JobExecution]):
            cursor.execute(statement)


def _logs(rows: Sequence[JobExecution], rng: Random) -> Iterator[ExecutionLog]:
    """Of the last runs of each job, and of one run far more than anybody reads."""
    left: dict[str | None, int] = {}
    is_long = True
    for row in reversed(rows):
        kept = left.setdefault(row.job_id, LOGGED)
        if row.started_at is None or not kept:
            continue
        left[row.job_id] = kept - 1
        count = rng.randrange(3, 14)
        if is_long and row.status == Status.SUCCEEDED:
            is_long, count = False, LONG_LOG
        span = timedelta(seconds=row.duration_s or 60) / (count + 1)
        for number, (level, message) in enumerate(log_of(row.function, count, rng)):
            at = row.started_at + span * number
            yield ExecutionLog(execution=row, at=at, level=level, logger="demo", message=message)
        if row.error:
            at = row.finished_at or row.started_at
            yield ExecutionLog(
                execution=row, at=at, level=LogLevel.ERROR, logger="demo", message=row.error
            )
