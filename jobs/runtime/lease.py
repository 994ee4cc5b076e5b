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

from django.db import transaction
from django.db.models import F

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
        alive = SchedulerProcess.objects.filter(pk=self.identity.id, stopped_at__isnull=True)
        return alive.update(beat=F("beat") + 1, beat_at=now, figures=figures) == 1

    def look_around(self, now: datetime) -> set[str]:
        """Note all heartbeats; mark the dead as stopped; ids of the living, this one's too."""
        monotonic = time.monotonic()
        others = list(
            SchedulerProcess.objects.filter(stopped_at__isnull=True).exclude(pk=self.identity.id)
        )
        self._watch.look(
            {process.pk: process.beat for process in others}, monotonic, max_gap_s=self._ttl_s / 2
        )
        alive = {self.identity.id}
        for process in others:
            limit = max(self._ttl_s, process.ttl_s)
            if is_known_dead(process.host_id, process.pid) or (
                self._watch.silent_s(process.pk, monotonic) > limit
            ):
                self._bury(process, now)
            else:
                alive.add(process.pk)
        self.holder = next((p for p in others if p.pk in alive and p.pk == self._holder()), None)
        return alive

    def try_to_lead(self, alive: set[str], now: datetime) -> Lease | None:
        """Take the lease if nobody alive holds it; the lease if this process leads now."""
        row = SchedulerLease.objects.filter(pk=1).first()
        if row is None:
            SchedulerLease.objects.bulk_create([SchedulerLease(pk=1)], ignore_conflicts=True)
            row = SchedulerLease.objects.get(pk=1)
        if row.holder in alive and row.holder != self.identity.id:
            return None
        won = SchedulerLease.objects.filter(pk=1, epoch=row.epoch, holder=row.holder).update(
            holder=self.identity.id, epoch=row.epoch + 1, acquired_at=now
        )
        if won:
            self.lease = Lease(self.identity.id, row.epoch + 1, since=now)
            self.holder = None
        return self.lease

    def still_leads(self) -> bool:
        """Whether the lease's row still says so."""
        if self.lease is None:
            return False
        rows = SchedulerLease.objects.filter(pk=1, holder=self.lease.holder, epoch=self.lease.epoch)
        return rows.exists()

    def lose(self) -> None:
        self.lease = None

    def release(self) -> None:
        """Give the lease back, so that a standby need not wait for the TTL."""
        if self.lease is None:
            return
        with transaction.atomic():
            SchedulerLease.objects.filter(
                pk=1, holder=self.lease.holder, epoch=self.lease.epoch
            ).update(holder="")
            bump_revision()
        self.lose()

    def leave(self, now: datetime) -> None:
        """Mark this process as stopped; the last thing that it writes."""
        SchedulerProcess.objects.filter(pk=self.identity.id, stopped_at__isnull=True).update(
            stopped_at=now, beat_at=now
        )

    def _holder(self) -> str:
        return SchedulerLease.objects.filter(pk=1).values_list("holder", flat=True).first() or ""

    def _bury(self, process: SchedulerProcess, now: datetime) -> None:
        buried = SchedulerProcess.objects.filter(
            pk=process.pk, beat=process.beat, stopped_at__isnull=True
        ).update(stopped_at=now)
        if buried:
            logger.warning(
                "A scheduler process has died",
                extra={"event": "scheduler.died", "host": process.host, "pid": process.pid},
            )
