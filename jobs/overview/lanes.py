"""What ran and what will run, a lane a job: at most so many, and so many marks in each.

However long the history and however many the jobs, the number of statements is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Max, Min, Q, Value, When
from django.db.models.expressions import Func
from django.db.models.functions import Coalesce
from django_apscheduler.models import DjangoJob

from jobs.control.schedule import trigger_of
from jobs.errors import SchedulerError
from jobs.models import Job, JobState, Status
from jobs.models.execution import JobExecutionQuerySet
from jobs.models.job import JobQuerySet
from jobs.overview.numbers import BAD, job_key

MOST_LANES = 30
BUCKETS = 96
"""Places in which a half of a lane tells its runs apart: a quarter of an hour in a day."""
BUCKETS_AHEAD = 48
"""The same for what is due."""

WORST_FIRST = (
    Status.FAILED,
    Status.TIMED_OUT,
    Status.INTERRUPTED,
    Status.MISSED,
    Status.SKIPPED,
    Status.CANCELLED,
    Status.RUNNING,
    Status.QUEUED,
    Status.SUCCEEDED,
)


@dataclass(frozen=True, slots=True)
class Span:
    """As far back from `now` as ahead of it."""

    now: datetime
    half: timedelta

    @property
    def start(self) -> datetime:
        return self.now - self.half

    @property
    def end(self) -> datetime:
        return self.now + self.half

    @property
    def step(self) -> timedelta:
        return self.half / BUCKETS

    @property
    def step_ahead(self) -> timedelta:
        return self.half / BUCKETS_AHEAD


@dataclass(frozen=True, slots=True)
class Stretch:
    """Runs that are too close to be told apart: how many of each verdict, and of the worst
    verdict the last run."""

    start: datetime
    end: datetime
    counts: dict[Status, int]
    last_id: int

    @property
    def worst(self) -> Status:
        return next(status for status in WORST_FIRST if status in self.counts)


@dataclass(frozen=True, slots=True)
class Due:
    """Occurrences to come, from the first to the last of a close row of them."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Lane:
    """`job` is None of one that has gone."""

    job_id: str
    name: str
    job: Job | None
    stretches: Sequence[Stretch] = ()
    due: Sequence[Due] = ()


@dataclass(frozen=True, slots=True)
class Lanes:
    shown: list[Lane] = field(default_factory=list)
    has_more: bool = False


def lanes(executions: JobExecutionQuerySet, jobs: JobQuerySet, span: Span) -> Lanes:
    """Of jobs with something to show: the failing first, then those that run, the latest to have
    run, and the next to run. Five statements."""
    active = _active(executions, span)
    names = dict(active)
    order = list(dict.fromkeys([*names, *_coming(jobs, span)]))
    shown = order[:MOST_LANES]
    known = {job.pk: job for job in jobs.with_schedule(span.now).filter(pk__in=shown)}
    stretches = _stretches(executions.filter(job_id__in=shown), span)
    return Lanes(
        [
            Lane(
                job_id=key,
                name=known[key].name if key in known else names[key],
                job=known.get(key),
                stretches=stretches.get(key, ()),
                due=list(ahead(known[key], span)) if key in known else (),
            )
            for key in shown
        ],
        has_more=len(order) > MOST_LANES,
    )


def ahead(job: Any, span: Span) -> Iterator[Due]:
    """The occurrences of a job `with_schedule` within the span. What is due several times within
    a step is one row of them, of which two a step are worked out; its end is right to a step."""
    due: datetime | None = job.next_run_time
    if job.state != JobState.SCHEDULED or due is None or due > span.end:
        return
    try:
        trigger = trigger_of(job)
    except SchedulerError:
        return
    first = last = max(due, span.now)  # what is overdue runs as soon as it can
    while (due := trigger.after(last)) is not None and due <= span.end:
        if due - last >= span.step_ahead:
            yield Due(first, last)
            first = last = due
            continue
        last = due
        further = trigger.after(last + span.step_ahead)
        if further is None or further > span.end:
            break
        last = further
    yield Due(first, last)


def _active(executions: JobExecutionQuerySet, span: Span) -> list[tuple[str, str]]:
    """(id, name) of jobs that ran within the span or run now; one more than are shown."""
    ended = (
        executions.filter(finished_at__gte=span.start, job_id__isnull=False)
        .order_by()
        .values_list(job_key())
        .annotate(name=Max("job_name"), bad=Count("pk", filter=Q(status__in=BAD)))
        .annotate(latest=Max("finished_at"))
        .order_by("-bad", "-latest")[: MOST_LANES + 1]
    )
    going = executions.unreleased().filter(job_id__isnull=False).order_by("job_id")
    running = going.values_list("job_id", "job_name")[:MOST_LANES]
    rows = list(ended)
    failing = [(key, name) for key, name, bad, _latest in rows if bad]
    calm = [(key, name) for key, name, bad, _latest in rows if not bad]
    return [*failing, *running, *calm]


def _coming(jobs: JobQuerySet, span: Span) -> list[str]:
    """Ids of jobs that are due within the span, the next first; along the index of that."""
    soon = DjangoJob.objects.filter(next_run_time__lte=span.end, pk__in=jobs.values("pk"))
    return list(soon.order_by("next_run_time").values_list("pk", flat=True)[: MOST_LANES + 1])


class Bucket(Func):
    """Which step of a span a moment falls into, as a number from 0 (also what lies before)."""

    output_field = IntegerField()

    def __init__(self, moment: Any, span: Span) -> None:
        start, step = span.start.timestamp(), span.step.total_seconds()
        super().__init__(moment, Value(start), Value(step))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(floor(greatest(extract(epoch FROM {}) - {}, 0) / {}) AS integer)"
        return self._written(template, compiler)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(max((julianday({}) - 2440587.5) * 86400.0 - {}, 0) / {} AS integer)"
        return self._written(template, compiler)

    def _written(self, template: str, compiler: Any) -> Any:
        parts = [compiler.compile(part) for part in self.source_expressions]
        return template.format(*(sql for sql, _ in parts)), [one for _, own in parts for one in own]


def _stretches(executions: JobExecutionQuerySet, span: Span) -> dict[str, list[Stretch]]:
    began = Coalesce("started_at", "first_scheduled_for", "scheduled_for")
    # What never began was noticed later than it was meant: it stands where it was meant.
    never_began = Q(started_at__isnull=True, finished_at__isnull=False)
    ended = Case(
        When(never_began, then="scheduled_for"), default=Coalesce("finished_at", Value(span.now))
    )
    rows = (
        executions.filter(Q(finished_at__gte=span.start) | Q(released_at__isnull=True))
        .order_by()
        .annotate(bucket=Bucket(began, span), began=began, ended=ended)
        .values_list("job_id", "bucket", "status")
        .annotate(runs=Count("pk"), first=Min("began"), until=Max("ended"), last=Max("pk"))
        .order_by("job_id", "bucket", "first")
    )
    cells: dict[str, dict[int, Stretch]] = {}
    for job_id, bucket, status, runs, first, until, last in rows:
        one = Stretch(first, until, {Status(status): runs}, last)
        row = cells.setdefault(job_id, {})
        row[bucket] = _joined(row[bucket], one) if bucket in row else one
    return {job_id: _without_seams(list(row.values()), span) for job_id, row in cells.items()}


def _without_seams(cells: list[Stretch], span: Span) -> list[Stretch]:
    """Neighbours of one and the same verdict as one, where nobody would see a gap."""
    found: list[Stretch] = []
    for cell in cells:
        is_near = found and cell.start - found[-1].end < span.step / 2
        if is_near and len(cell.counts) == 1 and found[-1].counts.keys() == cell.counts.keys():
            found[-1] = _joined(found[-1], cell)
        else:
            found.append(cell)
    return found


def _joined(one: Stretch, other: Stretch) -> Stretch:
    worst = min((one, other), key=lambda stretch: WORST_FIRST.index(stretch.worst))
    is_even = one.worst == other.worst
    return Stretch(
        start=min(one.start, other.start),
        end=max(one.end, other.end),
        counts={
            status: one.counts.get(status, 0) + other.counts.get(status, 0)
            for status in WORST_FIRST
            if status in one.counts or status in other.counts
        },
        last_id=max(one.last_id, other.last_id) if is_even else worst.last_id,
    )
