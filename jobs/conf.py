"""The one frozen object from which app code reads its settings.

`schedcore/settings.py` fills it from the environment; nothing else reads the environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from django.conf import settings

Network = IPv4Network | IPv6Network

DEFAULT_TASKS_FILE = Path(__file__).parent / "fixtures" / "scheduler_tasks.yaml"


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """Times are in seconds; 0 means "no limit" for `timeout_s` and `misfire_grace_time_s`."""

    max_workers: int = 5
    max_processes: int = 2
    coalesce: bool = True
    max_instances: int = 1
    misfire_grace_time_s: int = 300
    timeout_s: int = 0
    max_retries: int = 0
    retry_delay_s: int = 60
    retry_backoff: float = 2.0
    lease_ttl_s: float = 15.0
    poll_interval_s: float = 1.0
    shutdown_grace_s: float = 30.0
    retention_days: int = 90
    run_log_lines: int = 10_000
    run_log_bytes: int = 1_000_000
    """What is kept of the log of one run."""
    base_url: str = ""
    """Where people reach the site, for links in messages; without a slash at the end."""
    heartbeat_url: str = field(default="", repr=False)
    heartbeat_interval_s: int = 60
    """Called so often while the scheduler is healthy, so that somebody else notices silence."""
    api_rate: int = 1200
    api_anonymous_rate: int = 60
    api_failed_logins: int = 10
    """Requests a minute: of a token or user, of an address where nobody is logged in, and with
    a token that is not valid; 0: no limit."""
    metrics_networks: tuple[Network, ...] = ()
    """From where `/metrics` may be read without a token."""
    metrics_per_job: bool = True
    """Whether `/metrics` has series of each job."""
    trust_proxy: bool = False
    """Whether a proxy stands in front, whose X-Forwarded-… headers are its own."""
    tasks_file: Path = DEFAULT_TASKS_FILE
    notify_socket: str = ""
    """Where systemd waits for a sign of life (`NOTIFY_SOCKET`); empty without systemd."""
    watchdog_s: float = 0.0
    """systemd restarts a service that was silent for so long (`WATCHDOG_USEC`); 0: never."""
    sudo_user: str = ""
    """Who called this process through sudo; empty without it."""
    listen_url: str = ""
    """A direct PostgreSQL address for LISTEN where a pooler stands in `DATABASE_URL`."""
    credentials_keys: tuple[str, ...] = field(default=(), repr=False)
    """Fernet keys, newest first: the first encrypts, all of them decrypt."""
    instance_hosts: tuple[str, ...] = ()
    """Hosts that instances may have: names, with * for a part, and networks; empty for any."""
    sqlite_folders: tuple[Path, ...] = ()
    """Folders below which an instance's SQLite file may lie."""


def conf() -> SchedulerSettings:
    """The settings in force (a function, so that tests can override `SCHEDCORE`)."""
    found: SchedulerSettings = settings.SCHEDCORE
    return found
