"""A job as it stood at a moment, worked out backwards from how it stands now and the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone as django_timezone

from jobs.control.audit import as_recorded
from jobs.control.input import TRIGGER_FIELDS
from jobs.errors import SchedulerError
from jobs.executions.problems import BROKE, MENDED
from jobs.models import AuditEvent, Job
from jobs.triggers import Trigger, build_trigger, describe

MOST_EVENTS = 1000
"""Changes of one job that are looked through, the newest first."""

CREATED, CHANGED, DELETED = "job.create", "job.change", "job.delete"
ACTIONS = (
    *(CREATED, CHANGED, DELETED),
    *("job.enable", "job.disable", "job.pause", "job.resume"),
    *(BROKE, MENDED),
)
"""Events that tell how a job stood."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A job as it stood at `at`."""

    job_id: str
    at: datetime
    fields: Mapping[str, Any]
    anchor: datetime | None

    @property
    def is_enabled(self) -> bool:
        return bool(self.fields.get("is_enabled", True))

    @property
    def paused_until(self) -> datetime | None:
        text = self.fields.get("paused_until")
        return datetime.fromisoformat(text) if isinstance(text, str) else None

    @property
    def is_paused(self) -> bool:
        """What is due at the very end of a pause is not fired: `control.schedule.next_run_of`."""
        until = self.paused_until
        return bool(self.fields.get("is_paused")) and (until is None or until >= self.at)

    @property
    def problem(self) -> str:
        return str(self.fields.get("problem") or "")

    @property
    def zone_name(self) -> str:
        return self.fields.get("timezone") or django_timezone.get_default_timezone_name()

    @property
    def zone(self) -> tzinfo:
        """The server's if its own is not known here."""
        try:
            return ZoneInfo(self.zone_name)
        except (KeyError, ValueError, OSError):
            return django_timezone.get_default_timezone()

    @property
    def trigger_text(self) -> str:
        kind, params = self.fields.get("trigger_type"), self.fields.get("trigger_params")
        if not isinstance(kind, str) or not isinstance(params, dict):
            return ""
        return describe(kind, params, self.zone_name)

    def trigger(self) -> Trigger | None:
        """None if it could not be built, or is not known."""
        kind, params = self.fields.get("trigger_type"), self.fields.get("trigger_params")
        if not isinstance(kind, str) or not isinstance(params, dict):
            return None
        try:
            return build_trigger(kind, params, self.zone_name, anchor=self.anchor, seed=self.job_id)
        except SchedulerError:
            return None


@dataclass(frozen=True)
class Past:
    """`events` of the ACTIONS, the newest first; `job` is None if there is none now. What was
    recorded before `kept_since`, of this job or another, is not kept any more."""

    job_id: str
    job: Job | None
    events: Sequence[AuditEvent]
    kept_since: datetime

    def at(self, moment: datetime) -> Standing | None:
        """None if there was no such job then, or nothing is known of it."""
        if not self.is_kept_at(moment):
            return None
        job, is_made_later = self.job, False
        fields: dict[str, Any] | None = None
        if job is not None:
            fields = {**as_recorded(job), "problem": job.problem}
        for event in self.events:
            if event.at <= moment:
                break
            if event.action == DELETED:
                fields = {**(event.before or {})}
            elif event.action == CREATED:
                fields, is_made_later = None, True
            elif fields is not None:
                fields |= event.before or {}
        if job is not None and not is_made_later and moment < job.created_at:
            return None
        if fields is None:
            return None
        return Standing(self.job_id, moment, fields, self._anchor(moment))

    def is_kept_at(self, moment: datetime) -> bool:
        """Whether all changes since then are still recorded, or the job itself says that there
        was none. It does not say when it broke: that is no change of anybody's."""
        job = self.job
        is_as_then = job is not None and job.updated_at <= moment and not job.problem
        return moment >= self.kept_since or is_as_then

    def is_cut_at(self, moment: datetime) -> bool:
        """Whether more was changed since then than is looked through."""
        return len(self.events) >= MOST_EVENTS and moment < self.events[-1].at

    def last(self, moment: datetime, is_it: Callable[[AuditEvent], bool]) -> AuditEvent | None:
        """The last event at or before `moment` that is one of those."""
        return next((e for e in self.events if e.at <= moment and is_it(e)), None)

    def first(self, moment: datetime, is_it: Callable[[AuditEvent], bool]) -> AuditEvent | None:
        """The first event after `moment` that is one of those."""
        return next((e for e in reversed(self.events) if e.at > moment and is_it(e)), None)

    def _anchor(self, moment: datetime) -> datetime | None:
        """Where intervals counted from: the job's own unless its trigger was set later."""
        if self.job is not None and self.first(moment, sets_trigger) is None:
            return self.job.anchor
        event = self.last(moment, sets_trigger)
        return event.at if event is not None else None


def sets_trigger(event: AuditEvent) -> bool:
    return event.action == CREATED or not TRIGGER_FIELDS.isdisjoint(event.after or {})


def sets(name: str, value: Any) -> Callable[[AuditEvent], bool]:
    """Whether an event made the field `name` that value."""

    def is_it(event: AuditEvent) -> bool:
        after = event.after or {}
        return name in after and bool(after[name] == value)

    return is_it
