"""How the scheduler does, measured from what it leaves in the database.

Nothing here asks a process whether it feels well: a leader whose heart beats while its loop
does not get round is an error, since the loop writes down when it last did.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import cast

from jobs.health import findings
from jobs.health.processes import leader_data, living, process_data, revision_data
from jobs.health.shapes import HealthData, WarningData
from jobs.health.work import jobs_data, queue_data

ERROR_COST, WARNING_COST = 60, 10
"""The score is 100, less this for each error and each warning, and never below 0."""


def health(now: datetime) -> HealthData:
    """Leader, standbys, figures, queue and jobs as of `now`, and what is wrong with them.

    `now` is the database's time, as the heartbeats are. `status` is `error` if any warning's
    level is, `warning` if there are others, else `healthy`.
    """
    processes = living(now)
    leader = processes.leader
    figures = leader.figures if leader else {}
    revision = revision_data(leader, now)
    jobs = jobs_data(now)
    queue = queue_data(now)
    nothing_fires = list(findings.leadership(leader, now))
    found = [
        *nothing_fires,
        *findings.changes(revision, leader),
        *findings.work(jobs, queue, {} if nothing_fires else figures),
        *findings.lingering(queue),
        *findings.faults(figures.get("last_fault"), now),
        *findings.database(figures),
        *findings.clocks(processes),
        *findings.configuration(leader),
        *findings.alert_desk({} if nothing_fires else figures),
        *findings.alerts(),
    ]
    errors = sum(one.level == "error" for one in found)
    score = 100 - ERROR_COST * errors - WARNING_COST * (len(found) - errors)
    return {
        "status": "error" if errors else "warning" if found else "healthy",
        "health_score": max(score, 0),
        "leader": leader_data(leader, now),
        "standbys": [process_data(process, now) for process in processes.standbys],
        "revision": revision,
        "lateness_p50_s": figures.get("lateness_p50_s"),
        "lateness_p99_s": figures.get("lateness_p99_s"),
        "database_write_p50_s": figures.get("database_write_p50_s"),
        "database_write_max_s": figures.get("database_write_max_s"),
        "workers": figures.get("workers"),
        "busy_workers": figures.get("busy_workers"),
        "handed_out": figures.get("handed_out"),
        "last_fault": figures.get("last_fault"),
        "queue": queue,
        "jobs": jobs,
        "warnings": [cast(WarningData, asdict(one)) for one in found],
        "measured_at": now,
    }
