"""What a job should be due for: a simple model beside the real rows.

A job is armed from one moment to another with one trigger (a `Span`). Every occurrence in a
span, up to the last tick in it, stands in exactly one row; outside of spans there are none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jobs.models import Job, JobExecution, Source
from tests.proof.clockwork import START


@dataclass(frozen=True)
class When:
    """A trigger, reckoned without the code that is tested."""

    kind: str
    step_s: int = 0
    date: datetime | None = None

    def as_fields(self) -> dict[str, Any]:
        params: dict[str, Any]
        if self.kind == "interval":
            params = {"seconds": self.step_s}
        elif self.kind == "cron":
            params = {"cron_expression": f"*/{self.step_s} * * * * *"}
        else:
            assert self.date is not None
            params = {"run_date": self.date.isoformat()}
        return {"trigger_type": self.kind, "trigger_params": params}

    def occurrences(self, anchor: datetime, after: datetime, until: datetime) -> list[datetime]:
        """Those in (after, until]."""
        if self.kind == "date":
            assert self.date is not None
            return [self.date] if after < self.date <= until else []
        step = timedelta(seconds=self.step_s)
        # A cron line of every so many seconds fires on whole minutes, as START is one.
        origin = anchor if self.kind == "interval" else START
        number = (after - origin) // step + 1
        found = []
        while (moment := origin + number * step) <= until:
            if moment > anchor or self.kind == "cron":
                found.append(moment)
            number += 1
        return found


@dataclass
class Span:
    """A time in which a job is armed with one trigger: (start, end]."""

    when: When
    anchor: datetime
    start: datetime
    ticked: datetime
    """Up to when a tick has claimed."""
    end: datetime | None = None

    def due(self) -> list[datetime]:
        """What must stand in rows by now."""
        return self.when.occurrences(self.anchor, self.start, self.ticked)


@dataclass
class ModelJob:
    """As it should stand, with its spans; `until` is the end of a pause, if it has one."""

    when: When
    anchor: datetime
    max_instances: int
    is_enabled: bool = True
    is_paused: bool = False
    until: datetime | None = None
    spans: list[Span] = field(default_factory=list)

    def holds(self, now: datetime) -> bool:
        """Disabled or paused: nothing of its schedule may wait or begin."""
        if not self.is_enabled:
            return True
        return self.is_paused and (self.until is None or self.until > now)

    def change(self, now: datetime, **values: Any) -> None:
        """Control's rule: what changes nothing does nothing, everything else arms anew."""
        if all(getattr(self, name) == value for name, value in values.items()):
            return
        if "when" in values:
            self.anchor = now
        for name, value in values.items():
            setattr(self, name, value)
        self.arm(now)

    def arm(self, now: datetime) -> None:
        self.disarm(now)
        if self.is_enabled and not (self.is_paused and self.until is None):
            start = max(now, self.until) if self.is_paused and self.until else now
            self.spans.append(Span(self.when, self.anchor, start, ticked=start))

    def disarm(self, now: datetime) -> None:
        if self.spans and self.spans[-1].end is None:
            self.spans[-1].end = now

    def tick(self, now: datetime) -> None:
        """The leader has claimed all that was due."""
        if self.spans and self.spans[-1].end is None:
            self.spans[-1].ticked = max(now, self.spans[-1].start)


def check_occurrences(job_id: str, spans: list[Span]) -> None:
    """Every occurrence of the job's spans stands in one row, and no row stands for others."""
    found = JobExecution.objects.filter(job_id=job_id, source=Source.SCHEDULE, attempt=1)
    ranges = sorted(
        (row.first_scheduled_for or row.scheduled_for, row.scheduled_for, row.occurrence_count)
        for row in found
        if not row.is_count_capped
    )
    due = [moment for span in spans for moment in span.due()]
    assert due == sorted(due)
    covered = []
    for first, last, count in ranges:
        inside = [moment for moment in due if first <= moment <= last]
        assert (inside[:1], inside[-1:]) == ([first], [last]), f"{job_id}: not due at {first}"
        assert len(inside) == count
        covered += inside
    assert covered == due, f"{job_id}: lost {sorted(set(due) - set(covered))}"


def check_next_run(job_id: str, model: ModelJob, now: datetime) -> None:
    """The schedule points at the first occurrence that no row stands for yet."""
    job = Job.objects.with_schedule(now).get(pk=job_id)
    expected = None
    if model.spans and model.spans[-1].end is None:
        span = model.spans[-1]
        horizon = span.ticked + timedelta(days=1)
        upcoming = span.when.occurrences(span.anchor, span.ticked, horizon)
        expected = upcoming[0] if upcoming else None
    assert job.next_run_time == expected
