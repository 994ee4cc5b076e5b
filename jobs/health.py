"""How the scheduler does, measured from what it leaves in the database.

Nothing here asks a process whether it feels well: a leader whose heart beats while its loop
stands still is an error, since its ticks are written down by the loop itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, cast

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery, Window
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_apscheduler.models import DjangoJob

from jobs import definitions
from jobs.models import Job, JobExecution, JobState, SchedulerLease, SchedulerProcess, Status

OVERDUE_AFTER = timedelta(seconds=60)
FAULT_SHOWN = timedelta(minutes=5)
"""For how long a fault of the scheduler that is over is shown."""

LISTED = ("id", "name", "next_run_time")
SHOWN = 20
"""Jobs that are listed by id; the counts say how many there are."""

ERROR_COST, WARNING_COST = 60, 10
"""The score is 100, less this for each error and each warning, and never below 0."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and what to do."""

    level: Literal["error", "warning"]
    code: str
    message: str
    fix: str


class ProcessData(TypedDict):
    """A scheduler process; it was heard of `beat_age_s` ago."""

    id: str
    host: str
    pid: int
    started_at: datetime
    beat_age_s: float


class LeaderData(ProcessData):
    """The one that holds the lease, and when it last looked for what is due."""

    since: datetime | None
    epoch: int
    last_tick_at: datetime | None
    last_tick_age_s: float | None


class QueueData(TypedDict):
    """Runs that have no verdict yet; `lingering` have theirs, and still hold a worker."""

    queued: int
    waiting_retries: int
    running: int
    lingering: int
    oldest_queued_s: float | None


class OverdueJob(TypedDict):
    id: str
    name: str
    next_run_time: datetime


class BrokenJob(TypedDict):
    id: str
    name: str
    problem: str


class JobsData(TypedDict):
    """The lists hold the first 20."""

    total: int
    by_state: dict[str, int]
    overdue_count: int
    overdue: list[OverdueJob]
    broken: list[BrokenJob]


class FaultData(TypedDict):
    """`until` is null while it lasts."""

    error: str
    since: datetime
    until: datetime | None


class WarningData(TypedDict):
    level: Literal["error", "warning"]
    code: str
    message: str
    fix: str


class HealthData(TypedDict):
    """Figures are the leader's, and null without one: how late runs of the last five minutes
    were handed out, its workers, and how many runs it has handed out since its start."""

    status: Literal["healthy", "warning", "error"]
    health_score: int
    leader: LeaderData | None
    standbys: list[ProcessData]
    lateness_p50_s: float | None
    lateness_p99_s: float | None
    workers: int | None
    busy_workers: int | None
    handed_out: int | None
    last_fault: FaultData | None
    queue: QueueData
    jobs: JobsData
    warnings: list[WarningData]
    measured_at: datetime


def health(now: datetime) -> HealthData:
    """Leader, standbys, figures, queue and jobs as of `now`, and what is wrong with them.

    `now` is the database's time, as the heartbeats are. `status` is `error` if any warning's
    level is, `warning` if there are others, else `healthy`. Times in UTC, ages in seconds.
    """
    lease = SchedulerLease.objects.filter(pk=1, holder=OuterRef("pk"))
    alive: list[Any] = list(
        SchedulerProcess.objects.alive().annotate(
            led_epoch=Subquery(lease.values("epoch")),
            led_since=Subquery(lease.values("acquired_at")),
        )
    )
    leading = next((process for process in alive if process.led_epoch is not None), None)
    figures = leading.figures if leading else {}
    jobs = _jobs(now)
    queue = _queue(now)
    found = [
        *_leadership(leading, now),
        *_work(jobs, queue, figures),
        *_lingering(queue),
        *_faults(figures.get("last_fault"), now),
        *(Finding("warning", "definitions", text, _fix_file()) for text in definitions.warnings()),
    ]
    errors = sum(warning.level == "error" for warning in found)
    score = 100 - ERROR_COST * errors - WARNING_COST * (len(found) - errors)
    return {
        "status": "error" if errors else "warning" if found else "healthy",
        "health_score": max(score, 0),
        "leader": _leader(leading, now),
        "standbys": [
            _process(process, now)
            for process in alive
            if process is not leading and not _is_silent(process, now)
        ],
        "lateness_p50_s": figures.get("lateness_p50_s"),
        "lateness_p99_s": figures.get("lateness_p99_s"),
        "workers": figures.get("workers"),
        "busy_workers": figures.get("busy_workers"),
        "handed_out": figures.get("handed_out"),
        "last_fault": figures.get("last_fault"),
        "queue": queue,
        "jobs": jobs,
        "warnings": [cast(WarningData, asdict(warning)) for warning in found],
        "measured_at": now,
    }


def _process(process: SchedulerProcess, now: datetime) -> ProcessData:
    return {
        "id": process.pk,
        "host": process.host,
        "pid": process.pid,
        "started_at": process.started_at,
        "beat_age_s": _age(process.beat_at, now),
    }


def _leader(process: Any, now: datetime) -> LeaderData | None:
    if process is None:
        return None
    tick = _last_tick(process)
    leader: LeaderData = {
        **_process(process, now),
        "since": process.led_since,
        "epoch": process.led_epoch,
        "last_tick_at": tick,
        "last_tick_age_s": _age(tick, now) if tick else None,
    }
    return leader


def _jobs(now: datetime) -> JobsData:
    jobs: Any = Job.objects.with_schedule(now)  # django-stubs does not see annotations
    counts = dict(jobs.order_by().values_list("state").annotate(n=Count("pk")))
    overdue = list(_overdue(jobs, now - OVERDUE_AFTER))
    broken = jobs.exclude(problem="").filter(state=JobState.BROKEN).order_by("pk")
    is_any_broken = JobState.BROKEN in counts
    return {
        "total": sum(counts.values()),
        "by_state": {state.value: counts.get(state.value, 0) for state in JobState},
        "overdue_count": overdue[0].pop("n") if overdue else 0,
        "overdue": cast(list[OverdueJob], [{key: row[key] for key in LISTED} for row in overdue]),
        "broken": list(broken.values("id", "name", "problem")[:SHOWN]) if is_any_broken else [],
    }


def _overdue(jobs: Any, since: datetime) -> QuerySet[Any]:
    """The first, each with the number `n` of all; by the index of the times, as most often there
    is none."""
    late = DjangoJob.objects.filter(next_run_time__lt=since).values("pk")
    found: QuerySet[Any] = jobs.filter(pk__in=late, state=JobState.SCHEDULED)
    return found.order_by("next_run_time").values(*LISTED, n=Window(Count("*")))[:SHOWN]


def _queue(now: datetime) -> QueueData:
    ready = Q(status=Status.QUEUED) & (Q(start_after__isnull=True) | Q(start_after__lte=now))
    found = JobExecution.objects.unreleased().aggregate(
        queued=Count("pk", filter=ready),
        waiting_retries=Count("pk", filter=Q(status=Status.QUEUED) & ~ready),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
        lingering=Count("pk", filter=Q(finished_at__isnull=False)),
        oldest=Min("queued_at", filter=ready),
    )
    oldest = found.pop("oldest")
    found["oldest_queued_s"] = _age(oldest, now) if oldest else None
    return cast(QueueData, found)


def _leadership(leader: SchedulerProcess | None, now: datetime) -> Iterator[Finding]:
    if leader is None:
        message = _("No scheduler leads: nothing will fire until `manage.py runscheduler` runs.")
        fix = _("Start it here, or on any host that reaches this database.")
        yield Finding("error", "no_leader", message, fix)
        return
    place = {"host": leader.host, "pid": leader.pid, "ttl": leader.ttl_s}
    if _is_silent(leader, now):
        message = _(
            "The leader on %(host)s (pid %(pid)d) has not been heard of for %(age)d s, "
            "where %(ttl)d are allowed: nothing fires."
        )
        place["age"] = _age(leader.beat_at, now)
        fix = _("See what has become of it, or start another: `manage.py runscheduler`.")
        yield Finding("error", "leader_silent", message % place, fix)
        return
    tick = _last_tick(leader)
    if _age(tick or leader.started_at, now) > leader.ttl_s:
        message = _(
            "The leader on %(host)s (pid %(pid)d) is alive, but its loop has stood still for "
            "more than %(ttl)d s: nothing fires."
        )
        fix = _("Stop that process and start it again; its log tells what the loop was doing.")
        yield Finding("error", "loop_stands_still", message % place, fix)


def _work(jobs: JobsData, queue: QueueData, figures: dict[str, Any]) -> Iterator[Finding]:
    if broken := jobs["by_state"][JobState.BROKEN]:
        message = ngettext(
            "%(count)d job cannot run: %(ids)s.", "%(count)d jobs cannot run: %(ids)s.", broken
        ) % {"count": broken, "ids": _listed(jobs["broken"], broken)}
        fix = _("Each says why under `problem`: register its task again, or change or delete it.")
        yield Finding("warning", "broken_jobs", message, fix)
    if overdue := jobs["overdue_count"]:
        message = ngettext(
            "%(count)d job should have run more than a minute ago: %(ids)s.",
            "%(count)d jobs should have run more than a minute ago: %(ids)s.",
            overdue,
        ) % {"count": overdue, "ids": _listed(jobs["overdue"], overdue)}
        fix = _("See whether a scheduler leads, and what its log says.")
        yield Finding("warning", "overdue_jobs", message, fix)
    waiting = queue["oldest_queued_s"] or 0
    workers = figures.get("workers")
    if (
        waiting > OVERDUE_AFTER.total_seconds()
        and workers
        and figures.get("busy_workers", 0) >= workers
    ):
        message = _("All %(workers)d workers are busy, and runs wait for up to %(age)d s.") % {
            "workers": workers,
            "age": waiting,
        }
        fix = _("Raise SCHEDCORE_MAX_WORKERS, or spread the jobs over more time.")
        yield Finding("warning", "no_free_worker", message, fix)


def _lingering(queue: QueueData) -> Iterator[Finding]:
    if count := queue["lingering"]:
        held = JobExecution.objects.unreleased().filter(finished_at__isnull=False).order_by("pk")
        message = ngettext(
            "%(count)d run has its verdict, but its task goes on and holds a worker: %(ids)s.",
            "%(count)d runs have their verdicts, but go on and hold workers: %(ids)s.",
            count,
        ) % {"count": count, "ids": ", ".join(f"{run.job_name} #{run.pk}" for run in held[:SHOWN])}
        fix = _(
            "Let these tasks call `current_execution().check()`, or give their jobs the executor "
            "`processes`, which can be killed. A restart of the scheduler frees the workers."
        )
        yield Finding("warning", "lingering_runs", message, fix)


def _faults(fault: dict[str, Any] | None, now: datetime) -> Iterator[Finding]:
    if fault is None:
        return
    since = datetime.fromisoformat(fault["since"])
    until = datetime.fromisoformat(fault["until"]) if fault["until"] else now
    if now - until < FAULT_SHOWN:
        message = _(
            "The scheduler could not work for %(age)d s, until %(until)s UTC: %(error)s."
        ) % {
            "age": _age(since, until),
            "until": f"{until:%H:%M:%S}",
            "error": fault["error"],
        }
        fix = _("It goes on by itself; see whether its database and its host are well.")
        yield Finding("warning", "scheduler_faulted", message, fix)


def _is_silent(process: SchedulerProcess, now: datetime) -> bool:
    return _age(process.beat_at, now) > process.ttl_s


def _last_tick(process: SchedulerProcess) -> datetime | None:
    text = process.figures.get("last_tick_at")
    return datetime.fromisoformat(text) if text else None


def _age(moment: datetime, now: datetime) -> float:
    """Seconds; not negative, as clocks are never quite the same."""
    return max(round((now - moment).total_seconds(), 3), 0.0)


def _listed(rows: Sequence[OverdueJob | BrokenJob], count: int) -> str:
    ids = ", ".join(row["id"] for row in rows)
    return f"{ids}, …" if count > len(rows) else ids


def _fix_file() -> str:
    return _("Correct the file of jobs; manage.py loadtasks --plan tells what is wrong with it.")
