"""Metrics of the present: what health measures, as gauges."""

from __future__ import annotations

from jobs.health.shapes import HealthData
from jobs.metrics import names
from jobs.metrics.exposition import Page


def add_state(page: Page, health: HealthData) -> None:
    leader, queue = health["leader"], health["queue"]
    codes = {one["code"] for one in health["warnings"]}
    leads = leader is not None and "leader_silent" not in codes
    page.add(names.HEALTH_SCORE, health["health_score"])
    page.counts(names.FINDING, {(one["code"], one["level"]): 1 for one in health["warnings"]})
    page.add(names.LEADER, int(leads))
    page.add(names.STANDBYS, len(health["standbys"]))
    if leader is not None:
        since = leader["since"] or leader["started_at"]
        page.add(names.LEADER_BEAT_AGE, leader["beat_age_s"])
        page.add(names.LEADER_TICK_AGE, leader["last_tick_age_s"])
        page.add(names.LEASE_AGE, (health["measured_at"] - since).total_seconds())
        page.add(names.LEASE_EPOCH, leader["epoch"])
        page.add(names.CLOCK_AHEAD, leader["clock_ahead_s"])
    page.add(names.REVISION_BEHIND, health["revision"]["behind_s"])
    page.add(names.DATABASE_WRITE, health["database_write_max_s"])
    states = health["jobs"]["by_state"]
    page.counts(names.JOBS, {(state,): count for state, count in states.items()})
    page.add(names.OVERDUE, health["jobs"]["overdue_count"])
    page.add(names.RUNNING, queue["running"])
    page.add(names.QUEUED, queue["queued"])
    page.add(names.WAITING_RETRIES, queue["waiting_retries"])
    page.add(names.LINGERING, queue["lingering"])
    page.add(names.OLDEST_QUEUED, queue["oldest_queued_s"] or 0)
    page.add(names.WORKERS, health["workers"])
    page.add(names.BUSY_WORKERS, health["busy_workers"])
