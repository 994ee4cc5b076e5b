"""Asks stock or plain APScheduler for a run, from a process of its own: one more job, due now.

Prints for when it is due, by which its start is known, and the moment at which it was asked; as
`time.time()`.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime


def main(which: str) -> None:
    from apscheduler.schedulers.background import BackgroundScheduler

    from tests.benchmarks.contender import PLAIN
    from tests.benchmarks.subject import django_store, sqlalchemy_store

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_jobstore(sqlalchemy_store() if which == PLAIN else django_store(), "default")
    scheduler.start(paused=True)
    moment, due = time.time(), datetime.now(UTC)
    scheduler.add_job(
        "tests.benchmarks.work:note_start",
        "date",
        run_date=due,
        misfire_grace_time=None,
    )
    sys.stdout.write(f"{due.timestamp():.6f} {moment:.6f}\n")


if __name__ == "__main__":
    main(sys.argv[1])
