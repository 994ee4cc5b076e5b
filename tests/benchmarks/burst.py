"""One burst: N jobs due at one moment, run by one scheduler; prints its figures as JSON.

    python -m tests.benchmarks.burst schedcore|stock N

The database is that of DATABASE_URL, freshly migrated. "Lateness" is the function's start
minus the due time; the rate counts from the due time to the last start.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")
os.environ.setdefault("SCHEDCORE_LOG_LEVEL", "WARNING")

LEAD_S = 3.0
GIVE_UP_S = 120.0
WORKERS = 5

# This file is loaded twice, as a program and as the module that stock's jobs name.
if "BENCH_FOLDER" not in os.environ:
    os.environ["BENCH_FOLDER"] = tempfile.mkdtemp(prefix="schedcore-bench-")
_folder = os.environ["BENCH_FOLDER"]
_file = Path(_folder) / "starts"
_handle = _file.open("a", buffering=1)


def note_start() -> None:
    """The task of both schedulers: append one line to a file."""
    _handle.write(f"{time.time()}\n")


def main(which: str, count: int) -> dict[str, object]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    due = datetime.now(UTC) + timedelta(seconds=LEAD_S + count / 1000)
    history = schedcore(count, due) if which == "schedcore" else stock(count, due)
    starts = sorted(float(line) - due.timestamp() for line in _file.read_text().split())
    shutil.rmtree(_folder)
    if not starts:
        return {"ran": 0, "lost": count, "history_rows": history}
    return {
        "ran": len(starts),
        "lost": count - len(starts),
        "history_rows": history,
        "rate": len(starts) / starts[-1],
        "p50_s": starts[len(starts) // 2],
        "p99_s": starts[int(len(starts) * 0.99)],
    }


def schedcore(count: int, due: datetime) -> int:
    from django_apscheduler.models import DjangoJob

    from jobs.control.schedule import MARKER
    from jobs.models import Job, JobExecution, Status
    from jobs.registry import scheduled_task
    from jobs.runtime.scheduler import SchedcoreScheduler

    scheduled_task(note_start)
    ids = [f"job-{number}" for number in range(count)]
    Job.objects.bulk_create(
        Job(
            id=job_id,
            name=job_id,
            function="note_start",
            trigger_type="interval",
            trigger_params={"hours": 1},
            anchor=due - timedelta(hours=1),
        )
        for job_id in ids
    )
    DjangoJob.objects.bulk_create(
        DjangoJob(id=job_id, next_run_time=due, job_state=MARKER) for job_id in ids
    )
    scheduler = SchedcoreScheduler()
    scheduler.begin()
    _wait_until_written(count, due)
    scheduler.end(grace_s=10)
    return JobExecution.objects.filter(status=Status.SUCCEEDED).count()


def stock(count: int, due: datetime) -> int:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler
    from django_apscheduler.jobstores import DjangoJobStore
    from django_apscheduler.models import DjangoJobExecution

    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(WORKERS)},
        job_defaults={"misfire_grace_time": None},
    )
    scheduler.add_jobstore(DjangoJobStore(), "default")
    scheduler.start(paused=True)
    for number in range(count):
        scheduler.add_job(
            "tests.benchmarks.burst:note_start",
            "interval",
            hours=1,
            start_date=due,
            id=f"job-{number}",
        )
    scheduler.resume()
    _wait_until_written(count, due)
    scheduler.shutdown()
    return DjangoJobExecution.objects.filter(status=DjangoJobExecution.SUCCESS).count()


def _wait_until_written(count: int, due: datetime) -> None:
    """Until every job has started, or nothing has for a while: some may be lost."""
    tick = threading.Event()
    lines, since = 0, time.monotonic()
    patience = max((due - datetime.now(UTC)).total_seconds(), 0) + 15
    began = time.monotonic()
    while lines < count and time.monotonic() - began < GIVE_UP_S + patience:
        tick.wait(0.1)
        now_lines = len(_file.read_text().split()) if _file.exists() else 0
        if now_lines != lines:
            lines, since, patience = now_lines, time.monotonic(), 10
        elif time.monotonic() - since > patience:
            return


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))  # noqa: T201  its output
    sys.stdout.flush()
    os._exit(0)
