"""Asks stock or plain APScheduler for a run, from a process of its own: one more job, due now.

Prints the moment at which it was asked, as `time.time()`.
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
    moment = time.time()
    scheduler.add_job(
        "tests.benchmarks.work:note_start",
        "date",
        run_date=datetime.now(UTC),
        misfire_grace_time=None,
    )
    sys.stdout.write(f"{moment}\n")


if __name__ == "__main__":
    main(sys.argv[1])
