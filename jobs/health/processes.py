"""The schedulers that live, as their last heartbeats tell; one of them may lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from jobs.health.shapes import LeaderData, ProcessData, RevisionData
from jobs.models import Revision, SchedulerLease, SchedulerProcess


@dataclass(frozen=True, slots=True)
class Processes:
    """`leader` is annotated with what the lease says (`led_epoch`, `led_since`, `led_zone`), and
    with the revision that stands: `revision`, `changed_at`."""

    leader: Any
    standbys: list[SchedulerProcess]
    """Those that are heard of."""


def living(now: datetime) -> Processes:
    lease = SchedulerLease.objects.filter(pk=1, holder=OuterRef("pk"))
    revision = Revision.objects.filter(pk=1)
    alive: list[Any] = list(
        SchedulerProcess.objects.alive()
        .annotate(
            led_epoch=Subquery(lease.values("epoch")),
            led_since=Subquery(lease.values("acquired_at")),
            led_zone=Subquery(lease.values("time_zone")),
            revision=Subquery(revision.values("number")),
            changed_at=Subquery(revision.values("changed_at")),
        )
        .order_by("started_at", "pk")
    )
    leader = next((process for process in alive if process.led_epoch is not None), None)
    heard = [one for one in alive if one is not leader and not is_silent(one, now)]
    return Processes(leader, heard)


def process_data(process: SchedulerProcess, now: datetime) -> ProcessData:
    return {
        "id": process.pk,
        "host": process.host,
        "pid": process.pid,
        "started_at": process.started_at,
        "beat_age_s": age_s(process.beat_at, now),
        "clock_ahead_s": process.figures.get("clock_ahead_s"),
    }


def leader_data(leader: Any, now: datetime) -> LeaderData | None:
    if leader is None:
        return None
    tick = last_tick(leader)
    return {
        **process_data(leader, now),
        "since": leader.led_since,
        "epoch": leader.led_epoch,
        "last_tick_at": tick,
        "last_tick_age_s": age_s(tick, now) if tick else None,
    }


def revision_data(leader: Any, now: datetime) -> RevisionData:
    if leader is None:
        return {"current": None, "seen": None, "behind_s": None}
    current, seen = leader.revision or 0, leader.figures.get("revision")
    behind_s = None
    if seen is not None:
        # What came after the last heartbeat may have been seen since, unless there is none more.
        until = now if is_silent(leader, now) else leader.beat_at
        is_behind = leader.changed_at and seen < current
        behind_s = age_s(leader.changed_at, until) if is_behind else 0.0
    return {"current": current, "seen": seen, "behind_s": behind_s}


def is_silent(process: SchedulerProcess, now: datetime) -> bool:
    """Also if its last heartbeat lies that far ahead: the clock was set back since, and whoever
    lives would have written another."""
    return abs((now - process.beat_at).total_seconds()) > process.ttl_s


def stands_still(leader: SchedulerProcess) -> bool:
    """Whether its loop had, at its last heartbeat, not gone round without a fault for a TTL."""
    return age_s(last_tick(leader) or leader.started_at, leader.beat_at) > leader.ttl_s


def last_tick(process: SchedulerProcess) -> datetime | None:
    text = process.figures.get("last_tick_at")
    return datetime.fromisoformat(text) if text else None


def age_s(moment: datetime, now: datetime) -> float:
    """Seconds; not negative, as clocks are never quite the same."""
    return max(round((now - moment).total_seconds(), 3), 0.0)
