"""How the last day went, beside the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import CharField, Count, Q, Sum
from django.db.models.functions import Cast

from jobs.models import SchedulerLease, SchedulerProcess, Status
from jobs.models.execution import JobExecutionQuerySet

DAY = timedelta(days=1)

BAD = (Status.FAILED, Status.TIMED_OUT, Status.INTERRUPTED)
"""Verdicts of runs that did not do what they were for."""


@dataclass(frozen=True, slots=True)
class Day:
    """Runs by their verdict; of missed and skipped ones the occurrences, which one row may
    stand for many of."""

    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    interrupted: int = 0
    missed: int = 0
    skipped: int = 0

    @property
    def bad(self) -> int:
        return self.failed + self.timed_out + self.interrupted

    @property
    def success_rate(self) -> float | None:
        """Of the runs that did or did not do what they were for; None if there were none."""
        all_of_them = self.succeeded + self.bad
        return self.succeeded / all_of_them if all_of_them else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the leader last said of itself; all None without one."""

    lateness_p50_s: float | None = None
    lateness_p99_s: float | None = None
    busy_workers: int | None = None
    workers: int | None = None


def two_days(executions: JobExecutionQuerySet, now: datetime) -> tuple[Day, Day]:
    """The 24 hours up to `now`, and the 24 before. One statement, along the index of ends."""
    rows = (
        executions.filter(finished_at__gte=now - 2 * DAY, finished_at__lte=now)
        .order_by()
        .values_list("status")
        .annotate(
            recent=Count("pk", filter=Q(finished_at__gte=now - DAY)),
            earlier=Count("pk", filter=Q(finished_at__lt=now - DAY)),
            recent_occurrences=Sum("occurrence_count", filter=Q(finished_at__gte=now - DAY)),
            earlier_occurrences=Sum("occurrence_count", filter=Q(finished_at__lt=now - DAY)),
        )
    )
    recent: dict[str, int] = {}
    earlier: dict[str, int] = {}
    for status, runs, runs_before, occurrences, occurrences_before in rows:
        if status in (Status.MISSED, Status.SKIPPED):
            runs, runs_before = occurrences or 0, occurrences_before or 0
        if status in Day.__slots__:
            recent[status], earlier[status] = runs, runs_before
    return Day(**recent), Day(**earlier)


def job_key() -> Cast:
    """What executions of a time are grouped by: the job's id, in a form for which SQLite does not
    read the whole history along its index of jobs to be spared a sort."""
    return Cast("job_id", CharField())


def leader_figures() -> Figures:
    """One statement."""
    holder = SchedulerLease.objects.filter(pk=1).values("holder")
    leaders = SchedulerProcess.objects.alive().filter(pk__in=holder)
    said = leaders.values_list("figures", flat=True).first() or {}
    return Figures(**{name: said.get(name) for name in Figures.__slots__})
