"""What health tells, as the API and the commands show it. Times in UTC, ages in seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict

Level = Literal["error", "warning"]

Code = Literal[
    "no_leader",
    "leader_silent",
    "loop_stands_still",
    "changes_unseen",
    "overdue_jobs",
    "broken_jobs",
    "no_free_worker",
    "runs_stuck",
    "lingering_runs",
    "scheduler_faulted",
    "database_slow",
    "clock_differs",
    "definitions",
    "setting_unknown",
    "time_zones_differ",
    "alerts_fail",
    "alert_channel_fails",
    "alert_rule_mute",
]
"""Stable words for programs; docs/monitoring.md has a line for each."""


class ProcessData(TypedDict):
    """A scheduler process; it was heard of `beat_age_s` ago. Its host's clock is `clock_ahead_s`
    ahead of the database's; null where the database has none of its own."""

    id: str
    host: str
    pid: int
    started_at: datetime
    beat_age_s: float
    clock_ahead_s: float | None


class LeaderData(ProcessData):
    """The one that holds the lease, and when its loop last went round without a fault."""

    since: datetime | None
    epoch: int
    last_tick_at: datetime | None
    last_tick_age_s: float | None


class RevisionData(TypedDict):
    """Changes are numbered: of `current` the leader has acted on all up to `seen`, and `behind_s`
    is for how long the newest of the others waits. As of its last heartbeat; null without one."""

    current: int | None
    seen: int | None
    behind_s: float | None


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
    level: Level
    code: Code
    message: str
    fix: str


class HealthData(TypedDict):
    """Figures are the leader's, and null without one: how late runs of the last five minutes
    were handed out, how long its heartbeats of that time took the database to write, its
    workers, and how many runs it has handed out since its start."""

    status: Literal["healthy", "warning", "error"]
    health_score: int
    leader: LeaderData | None
    standbys: list[ProcessData]
    revision: RevisionData
    lateness_p50_s: float | None
    lateness_p99_s: float | None
    database_write_p50_s: float | None
    database_write_max_s: float | None
    workers: int | None
    busy_workers: int | None
    handed_out: int | None
    last_fault: FaultData | None
    queue: QueueData
    jobs: JobsData
    warnings: list[WarningData]
    measured_at: datetime
