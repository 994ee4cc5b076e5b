"""A past that is written row by row, as `control` and the scheduler write it, at given times."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from django_apscheduler.models import DjangoJob

from jobs.control.audit import as_recorded, differing
from jobs.control.input import TRIGGER_FIELDS
from jobs.control.schedule import MARKER, next_run_of
from jobs.executions.problems import BROKE, MENDED, SCHEDULER
from jobs.models import (
    AuditEvent,
    Job,
    JobExecution,
    LeaderTerm,
    SchedulerLease,
    SchedulerProcess,
    Source,
    Status,
)
from jobs.models.audit import Via

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""A Wednesday."""
SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    """ "03-01 03:00" of 2026, or a whole ISO moment."""
    if len(text) < 16:
        text = f"2026-{text}"
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class World:
    """One job, `nightly`: every day at 03:00 UTC, made on 1 February, with a leader since then."""

    id = "nightly"

    def __init__(self) -> None:
        self.leads("02-01 00:00")

    def job(self, at: str = "02-01 00:00", *, is_audited: bool = True, **fields: Any) -> Job:
        made = utc(at)
        given: dict[str, Any] = {
            "name": "Nightly",
            "function": "send_report",
            "trigger_type": "cron",
            "trigger_params": {"cron_expression": "0 3 * * *"},
            "timezone": "UTC",
        }
        times = {"anchor": made, "created_at": made, "updated_at": made}
        job = Job.objects.create(id=self.id, **{**given, **times, **fields})
        if is_audited:
            self._event("job.create", made, "ann", None, as_recorded(job))
        self.arm(NOW)
        return job

    def change(
        self, at: str, action: str = "job.change", *, actor: str = "bob", **values: Any
    ) -> None:
        job = Job.objects.get(pk=self.id)
        before = {**copy.deepcopy(as_recorded(job)), "problem": job.problem}
        for name, value in values.items():
            setattr(job, name, value)
        if not TRIGGER_FIELDS.isdisjoint(values):
            job.anchor = utc(at)
        if action not in (BROKE, MENDED):
            job.updated_at = utc(at)
        job.save()
        after = {**as_recorded(job), "problem": job.problem}
        names = differing(before, after)
        was, now_is = ({name: side[name] for name in names} for side in (before, after))
        self._event(action, utc(at), actor, was, now_is)
        self.arm(NOW)

    def disable(self, at: str) -> None:
        self.change(at, "job.disable", is_enabled=False)

    def enable(self, at: str) -> None:
        self.change(at, "job.enable", is_enabled=True)

    def pause(self, at: str, until: str | None = None) -> None:
        paused_until = utc(until) if until else None
        self.change(at, "job.pause", is_paused=True, paused_until=paused_until)

    def resume(self, at: str) -> None:
        self.change(at, "job.resume", is_paused=False, paused_until=None)

    def breaks(self, at: str, problem: str) -> None:
        self.change(at, BROKE, actor=SCHEDULER, problem=problem)

    def mends(self, at: str) -> None:
        self.change(at, MENDED, actor=SCHEDULER, problem="")

    def delete(self, at: str, *, is_audited: bool = True) -> None:
        job = Job.objects.get(pk=self.id)
        if is_audited:
            self._event("job.delete", utc(at), "carol", as_recorded(job), None)
        DjangoJob.objects.filter(pk=self.id).delete()
        job.delete()

    def forgets(self, before: str) -> None:
        """The audit up to then was cleaned."""
        AuditEvent.objects.filter(at__lt=utc(before))._raw_delete("default")

    def arm(self, now: datetime, *, next_run: datetime | None = None) -> None:
        job = Job.objects.get(pk=self.id)
        moment = next_run or next_run_of(job, after=now)
        DjangoJob.objects.update_or_create(
            pk=self.id, defaults={"next_run_time": moment, "job_state": MARKER}
        )

    def row(self, due: str, status: Status = Status.SUCCEEDED, **fields: Any) -> JobExecution:
        """Claimed when it was due, begun at once, of a minute's length."""
        moment = utc(due)
        given: dict[str, Any] = {
            "job_id": self.id,
            "job_name": "Nightly",
            "function": "send_report",
            "source": Source.SCHEDULE,
            "status": status,
            "scheduled_for": moment,
            "queued_at": fields.get("queued_at", moment),
        }
        began, ended = fields.pop("began", due), fields.pop("ended", None)
        if status in (Status.SKIPPED, Status.MISSED):
            given |= {"finished_at": given["queued_at"], "released_at": given["queued_at"]}
        elif status == Status.RUNNING:
            given |= {"started_at": utc(began)}
        elif status != Status.QUEUED:
            over = utc(ended) if ended else utc(began or due) + 60 * SECOND
            given |= {"finished_at": over, "released_at": over, "duration_s": 60.0}
            given |= {"started_at": utc(began) if began else None}
        return JobExecution.objects.create(**{**given, **fields})

    def asked(self, at: str, status: Status = Status.SUCCEEDED, **fields: Any) -> JobExecution:
        given = {"source": Source.MANUAL, "requested_by": "dora"}
        return self.row(at, status, **{**given, **fields})

    def retry(self, of: JobExecution, began: str, status: Status, **fields: Any) -> JobExecution:
        due = f"{of.scheduled_for:%Y-%m-%d %H:%M}"
        given: dict[str, Any] = {"source": Source.RETRY, "retry_of": of, "attempt": of.attempt + 1}
        given |= {"queued_at": utc(began), **fields}
        return self.row(due, status, began=began, **given)

    def leads(self, since: str, until: str | None = None, *, is_alive: bool = True) -> None:
        """Somebody began to lead, and does so until then."""
        for term in LeaderTerm.objects.filter(ended_at__isnull=True):
            term.ended_at = SchedulerProcess.objects.get(pk=term.process).beat_at
            term.save()
        epoch = LeaderTerm.objects.count() + 1
        process = SchedulerProcess.objects.create(
            id=f"process-{epoch}",
            host="db-1",
            host_id="boot",
            pid=4000 + epoch,
            started_at=utc(since),
            beat_at=utc(until) if until else NOW,
            ttl_s=15.0,
            stopped_at=utc(until) if until else None,
            figures={"last_tick_at": NOW.isoformat(), "last_step_at": NOW.isoformat()},
        )
        LeaderTerm.objects.create(
            epoch=epoch,
            process=process.pk,
            host=process.host,
            pid=process.pid,
            began_at=utc(since),
            ended_at=utc(until) if until else None,
        )
        SchedulerLease.objects.update_or_create(
            pk=1,
            defaults={
                "holder": "" if until else process.pk,
                "epoch": epoch,
                "acquired_at": utc(since),
            },
        )

    def stops(self, at: str) -> None:
        """The leader stopped, and nobody leads."""
        term = LeaderTerm.objects.latest("pk")
        LeaderTerm.objects.filter(pk=term.pk).update(ended_at=utc(at))
        stopped = SchedulerProcess.objects.filter(pk=term.process)
        stopped.update(stopped_at=utc(at), beat_at=utc(at))
        SchedulerLease.objects.update(holder="")

    def dies(self, at: str) -> None:
        """The leader was killed: its row says that it leads, and it is not heard of any more."""
        term = LeaderTerm.objects.latest("pk")
        SchedulerProcess.objects.filter(pk=term.process).update(beat_at=utc(at))

    def _event(self, action: str, at: datetime, actor: str, before: Any, after: Any) -> None:
        via = Via.SCHEDULER if actor == SCHEDULER else Via.API
        AuditEvent.objects.create(
            at=at,
            actor=actor,
            via=via,
            action=action,
            job_id=self.id,
            target="Nightly",
            before=before,
            after=after,
        )
