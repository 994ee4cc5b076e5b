"""Membership: this process's heartbeat, who leads, and who has died.

Nothing here compares clocks of different hosts. A process counts as dead when its heartbeat
counter has not moved for one TTL of this process's own monotonic clock, counted only while
this process was connected and awake; or at once if it was of this host and its pid is free.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Subquery, When

from jobs.conf import conf
from jobs.control.schedule import bump_revision
from jobs.executions.fencing import Lease
from jobs.models import SchedulerLease, SchedulerProcess
from jobs.runtime.identity import Identity, is_known_dead

logger = logging.getLogger(__name__)

BEATS_PER_TTL = 3


@dataclass(slots=True)
class Sighting:
    """The last new heartbeat that was seen of a process, by the own monotonic clock."""

    beat: int
    since: float


class Watch:
    """Judges from successive looks at the heartbeats which processes are silent."""

    def __init__(self) -> None:
        self._sightings: dict[str, Sighting] = {}
        self._last_look: float | None = None

    def look(self, beats: dict[str, int], monotonic: float, *, max_gap_s: float) -> None:
        """Take note of the heartbeats at one moment.

        After a gap of more than `max_gap_s` between two looks (this process was frozen or
        cut off) everybody is given their time anew.
        """
        was_away = self._last_look is None or monotonic - self._last_look > max_gap_s
        self._last_look = monotonic
        seen = {}
        for process_id, beat in beats.items():
            known = self._sightings.get(process_id)
            if known is None or known.beat != beat or was_away:
                known = Sighting(beat, monotonic)
            seen[process_id] = known
        self._sightings = seen

    def silent_s(self, process_id: str, monotonic: float) -> float:
        """Seconds since the process's heartbeat last moved; 0 if it is unknown."""
        known = self._sightings.get(process_id)
        return monotonic - known.since if known else 0.0


class Membership:
    """This process among the schedulers of one database. Used by the loop's thread alone."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.lease: Lease | None = None
        self.holder: SchedulerProcess | None = None
        self._watch = Watch()
        self._ttl_s = conf().lease_ttl_s

    @property
    def beat_interval_s(self) -> float:
        return self._ttl_s / BEATS_PER_TTL

    @property
    def is_leader(self) -> bool:
        return self.lease is not None

    def register(self, now: datetime) -> None:
        """Write this process's row."""
        SchedulerProcess.objects.create(
            id=self.identity.id,
            host=self.identity.host[:255],
            host_id=self.identity.host_id[:100],
            pid=self.identity.pid,
            started_at=now,
            beat_at=now,
            ttl_s=self._ttl_s,
        )

    def beat(self, now: datetime, figures: dict[str, Any]) -> bool:
        """Show that this process lives; False if it was declared dead meanwhile."""
        own = SchedulerProcess.objects.alive().filter(pk=self.identity.id)
        return own.update(beat=F("beat") + 1, beat_at=now, figures=figures) == 1

    def look_around(self, now: datetime) -> None:
        """Note the heartbeats of the others, mark the dead as stopped, see who leads."""
        monotonic = time.monotonic()
        holder = SchedulerLease.objects.filter(pk=1).values("holder")[:1]
        annotations = {"leads": Case(When(pk=Subquery(holder), then=True), default=False)}
        others = list(
            SchedulerProcess.objects.alive().exclude(pk=self.identity.id).annotate(**annotations)
        )
        self._watch.look(
            {process.pk: process.beat for process in others}, monotonic, max_gap_s=self._ttl_s / 2
        )
        self.holder = None
        for process in others:
            limit = max(self._ttl_s, process.ttl_s)
            if is_known_dead(process.host_id, process.pid) or (
                self._watch.silent_s(process.pk, monotonic) > limit
            ):
                self._bury(process, now)
            elif process.leads:
                self.holder = process

    def try_to_lead(self, now: datetime) -> Lease | None:
        """Take the lease unless another process that is alive has it."""
        row = SchedulerLease.objects.filter(pk=1).first()
        if row is None:
            SchedulerLease.objects.bulk_create([SchedulerLease(pk=1)], ignore_conflicts=True)
            row = SchedulerLease.objects.get(pk=1)
        others = SchedulerProcess.objects.alive().exclude(pk=self.identity.id)
        won = (
            SchedulerLease.objects.filter(pk=1, epoch=row.epoch, holder=row.holder)
            .exclude(holder__in=others.values("pk"))
            .update(holder=self.identity.id, epoch=row.epoch + 1, acquired_at=now)
        )
        if won:
            self.lease = Lease(self.identity.id, row.epoch + 1, since=now)
        return self.lease

    def lose(self) -> None:
        self.lease = None

    def release(self) -> None:
        """Give the lease back, so that a standby need not wait for the TTL. In a transaction."""
        if self.lease is None:
            return
        SchedulerLease.objects.filter(
            pk=1, holder=self.lease.holder, epoch=self.lease.epoch
        ).update(holder="")
        bump_revision()
        self.lose()

    def leave(self, now: datetime) -> None:
        """Mark this process as stopped; the last thing that it writes."""
        SchedulerProcess.objects.alive().filter(pk=self.identity.id).update(
            stopped_at=now, beat_at=now
        )

    def _bury(self, process: SchedulerProcess, now: datetime) -> None:
        same = SchedulerProcess.objects.alive().filter(pk=process.pk, beat=process.beat)
        buried = same.update(stopped_at=now)
        if buried:
            logger.warning(
                "A scheduler process has died",
                extra={"event": "scheduler.died", "host": process.host, "pid": process.pid},
            )
