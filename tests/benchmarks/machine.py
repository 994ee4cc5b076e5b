"""Where the figures come from: the machine and the versions."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("Django", "APScheduler", "django-apscheduler", "SQLAlchemy", "psycopg")


def describe(postgresql: str | None) -> str:
    """Two lines; `postgresql` is the server's version if one answers."""
    machine = (
        f"{_cpu()}, {os.cpu_count()} cores, {_memory_gb():.1f} GB, "
        f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"
    )
    versions = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    if postgresql:
        versions.append(f"PostgreSQL {postgresql}")
    versions += [f"{name} {version(name)}" for name in PACKAGES]
    return f"{machine}\n{', '.join(versions)}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
