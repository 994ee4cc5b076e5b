"""Membership: this process's heartbeat, who leads, and who has died.

Nothing here compares clocks of different hosts. A process counts as dead when its heartbeat
counter has not moved for one TTL of this process's own monotonic clock, counted only while
this process was connected and awake; or at once if it was of this host and its pid is free.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from jobs.conf import conf
from jobs.executions.database import database_clock
from jobs.executions.fencing import Lease
from jobs.executions.liveness import Peer, Sighting
from jobs.executions.revision import bump_revision
from jobs.models import LeaderTerm, SchedulerLease, SchedulerProcess
from jobs.runtime.identity import Identity, is_known_dead

logger = logging.getLogger(__name__)

BEATS_PER_TTL = 3
LOOKS_PER_TTL = 10
MAX_LOOK_INTERVAL_S = 0.8


@dataclass(slots=True)
class Heard:
    """The last new heartbeat that was seen of a process, by the own monotonic clock."""

    beat: int
    since: float


class Watch:
    """Judges from successive looks at the heartbeats which processes are silent."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}
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
            known = self._heard.get(process_id)
            if known is None or known.beat != beat or was_away:
                known = Heard(beat, monotonic)
            seen[process_id] = known
        self._heard = seen

    def silent_s(self, process_id: str, monotonic: float) -> float:
        """Seconds since the process's heartbeat last moved; 0 if it is unknown."""
        known = self._heard.get(process_id)
        return monotonic - known.since if known else 0.0


class Membership:
    """This process among the schedulers of one database. Used by the loop's thread alone."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.lease: Lease | None = None
        self.holder: Peer | None = None
        """Who leads, if that is another process that is alive."""
        self._watch = Watch()
        self._ttl_s = conf().lease_ttl_s
        self._standby_look_s = min(self._ttl_s / LOOKS_PER_TTL, MAX_LOOK_INTERVAL_S)

    @property
    def beat_interval_s(self) -> float:
        return self._ttl_s / BEATS_PER_TTL

    @property
    def look_interval_s(self) -> float:
        return self.beat_interval_s if self.is_leader else self._standby_look_s

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

    def beat(self, now: datetime, figures: dict[str, Any]) -> None:
        """Show that this process lives."""
        own = SchedulerProcess.objects.alive().filter(pk=self.identity.id)
        own.update(beat=F("beat") + 1, beat_at=now, figures=figures)

    def judge(self, seen: Sighting) -> list[Peer]:
        """Note who leads; the processes that count as alive and have died."""
        monotonic = time.monotonic()
        others = [peer for peer in seen.peers if peer.id != self.identity.id]
        self._watch.look(
            {peer.id: peer.beat for peer in others}, monotonic, max_gap_s=self._ttl_s / 2
        )
        dead = [peer for peer in others if self._has_died(peer, monotonic)]
        self.holder = next(
            (peer for peer in others if peer.id == seen.holder and peer not in dead), None
        )
        return dead

    def bury(self, peers: Sequence[Peer], now: datetime) -> None:
        """Mark the dead as stopped. In a transaction."""
        for peer in peers:
            same = SchedulerProcess.objects.alive().filter(pk=peer.id, beat=peer.beat)
            if same.update(stopped_at=now):
                logger.warning(
                    "A scheduler process has died",
                    extra={"event": "scheduler.died", "host": peer.host, "pid": peer.pid},
                )

    def try_to_lead(self, now: datetime) -> Lease | None:
        """Take the lease unless another process that is alive has it. In a transaction."""
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
        if not won:
            return None
        lease = Lease(self.identity.id, row.epoch + 1, since=now)
        self._begin_term(lease)
        return lease

    def release(self) -> None:
        """Give the lease back, so that a standby need not wait for the TTL. In a transaction."""
        if self.lease is None:
            return
        SchedulerLease.objects.filter(
            pk=1, holder=self.lease.holder, epoch=self.lease.epoch
        ).update(holder="")
        own = LeaderTerm.objects.filter(process=self.lease.holder, epoch=self.lease.epoch)
        own.update(ended_at=database_clock())
        bump_revision()

    def begins_batch(self, number: int) -> bool:
        """Take note that this batch of counts is written; False if it was already, in a
        transaction whose commit was not answered. In a transaction."""
        own = SchedulerProcess.objects.filter(pk=self.identity.id)
        # Not asked first: the update waits for a commit that is still on its way.
        return own.filter(counted__lt=number).update(counted=number) == 1

    def leave(self, now: datetime) -> None:
        """Mark this process as stopped; the last thing that it writes."""
        own = SchedulerProcess.objects.alive().filter(pk=self.identity.id)
        own.update(stopped_at=now, beat_at=now)

    def _begin_term(self, lease: Lease) -> None:
        """Write down since when this process leads, and until when the one before it did."""
        heard = SchedulerProcess.objects.filter(pk=OuterRef("process")).values("beat_at")
        LeaderTerm.objects.filter(ended_at__isnull=True).update(
            ended_at=Coalesce(Subquery(heard[:1]), F("began_at"))
        )
        LeaderTerm.objects.create(
            epoch=lease.epoch,
            process=self.identity.id,
            host=self.identity.host[:255],
            pid=self.identity.pid,
            began_at=lease.since,
        )

    def _has_died(self, peer: Peer, monotonic: float) -> bool:
        if is_known_dead(peer.host_id, peer.pid):
            return True
        # Less what it may take to notice, so that a standby leads within the TTL.
        limit_s = max(self._ttl_s, peer.ttl_s) - 2 * self._standby_look_s
        return self._watch.silent_s(peer.id, monotonic) > limit_s
