"""Every metric that there is: its name, its type and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


BUILD = Metric(
    "schedcore_build_info", "gauge", "Always 1; the version of the web process.", ("version",)
)

# How the scheduler does; see jobs.health.
HEALTH_SCORE = Metric("schedcore_health_score", "gauge", "100, less what health finds.")
FINDING = Metric(
    "schedcore_health_finding",
    "gauge",
    "1 for each kind of thing that health finds now.",
    ("code", "level"),
)
LEADER = Metric("schedcore_leader", "gauge", "1 if a scheduler leads and is heard of, else 0.")
STANDBYS = Metric("schedcore_standbys", "gauge", "Schedulers that stand by and are heard of.")
LEADER_BEAT_AGE = Metric(
    "schedcore_leader_heartbeat_age_seconds", "gauge", "Since the leader was last heard of."
)
LEADER_TICK_AGE = Metric(
    "schedcore_leader_tick_age_seconds",
    "gauge",
    "Since the leader's loop last went round without a fault, as of its last heartbeat.",
)
LEASE_AGE = Metric("schedcore_lease_age_seconds", "gauge", "Since the leader took the lease.")
LEASE_EPOCH = Metric("schedcore_lease_epoch", "gauge", "Grows with every change of leader.")
REVISION_BEHIND = Metric(
    "schedcore_revision_behind_seconds",
    "gauge",
    "For how long the newest change that the leader has not acted on waits.",
)
CLOCK_AHEAD = Metric(
    "schedcore_leader_clock_ahead_seconds",
    "gauge",
    "By how much the clock of the leader's host is ahead of the database's.",
)
DATABASE_WRITE = Metric(
    "schedcore_database_write_max_seconds",
    "gauge",
    "The longest that a heartbeat took to write in the last five minutes.",
)
FAULTS = Metric(
    "schedcore_scheduler_faults_total",
    "counter",
    "Steps of a scheduler's loop that failed: kind is database or other.",
    ("kind",),
)

# What there is to do.
JOBS = Metric("schedcore_jobs", "gauge", "Jobs by state.", ("state",))
OVERDUE = Metric("schedcore_jobs_overdue", "gauge", "Jobs due more than a minute ago.")
RUNNING = Metric("schedcore_executions_running", "gauge", "Runs that go on.")
QUEUED = Metric("schedcore_executions_queued", "gauge", "Runs that wait for a worker.")
WAITING_RETRIES = Metric(
    "schedcore_executions_waiting_retry", "gauge", "Retries that wait for their time."
)
LINGERING = Metric(
    "schedcore_executions_lingering",
    "gauge",
    "Runs that have their verdict and still hold a worker.",
)
OLDEST_QUEUED = Metric(
    "schedcore_oldest_queued_age_seconds", "gauge", "Since the oldest waiting run was queued."
)
WORKERS = Metric("schedcore_workers", "gauge", "Workers of the leader.")
BUSY_WORKERS = Metric("schedcore_workers_busy", "gauge", "Those of them that are busy.")

# What has happened.
EXECUTIONS = Metric(
    "schedcore_executions_total",
    "counter",
    "Verdicts of all jobs; of missed and skipped runs the occurrences.",
    ("verdict",),
)
DURATION = Metric(
    "schedcore_execution_duration_seconds",
    "histogram",
    "How long runs took, by the function of their job.",
    ("function",),
)
LATENESS = Metric(
    "schedcore_execution_lateness_seconds",
    "histogram",
    "How long after its time a scheduled run has begun.",
)

# A series a job; see SCHEDCORE_METRICS_PER_JOB.
JOB_EXECUTIONS = Metric(
    "schedcore_job_executions_total",
    "counter",
    "Verdicts of a job; of missed and skipped runs the occurrences.",
    ("job_id", "verdict"),
)
JOB_NEXT_RUN = Metric(
    "schedcore_job_next_run_timestamp_seconds",
    "gauge",
    "When the job is due next; absent for one that is not.",
    ("job_id",),
)
JOB_LAST_SUCCESS = Metric(
    "schedcore_job_last_success_timestamp_seconds",
    "gauge",
    "When the job's last success ended; absent before the first.",
    ("job_id",),
)

# Of this host's web processes.
HTTP_REQUESTS = Metric(
    "schedcore_http_requests_total",
    "counter",
    "Requests to this host's web processes since their start; status is its class, as in 2xx.",
    ("method", "route", "status"),
)
HTTP_DURATION = Metric(
    "schedcore_http_request_duration_seconds",
    "histogram",
    "How long this host's web processes took to answer.",
    ("method", "route"),
)

METRICS: dict[str, Metric] = {
    found.name: found for found in list(globals().values()) if isinstance(found, Metric)
}
"""All of the above, in that order."""
