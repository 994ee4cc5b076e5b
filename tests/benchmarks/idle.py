"""What an idle scheduler costs, and how soon it notices a change; prints JSON.

python -m tests.benchmarks.idle JOBS SECONDS
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schedcore.settings")
os.environ.setdefault("SCHEDCORE_LOG_LEVEL", "WARNING")

CHANGES = 20


def main(count: int, seconds: float) -> dict[str, object]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.backends.utils import CursorWrapper
    from django_apscheduler.models import DjangoJob

    from jobs.control import execution
    from jobs.control.audit import system_actor
    from jobs.control.schedule import MARKER
    from jobs.models import Job
    from jobs.registry import scheduled_task
    from jobs.runtime.scheduler import SchedcoreScheduler

    call_command("migrate", verbosity=0)
    started = threading.Event()

    @scheduled_task
    def note() -> None:
        started.set()

    later = datetime.now(UTC) + timedelta(days=300)
    ids = [f"job-{number}" for number in range(count)]
    Job.objects.bulk_create(
        Job(
            id=job_id,
            name=job_id,
            function="note",
            trigger_type="date",
            trigger_params={"run_date": later.isoformat()},
            anchor=later,
        )
        for job_id in ids
    )
    DjangoJob.objects.bulk_create(
        DjangoJob(id=job_id, next_run_time=later, job_state=MARKER) for job_id in ids
    )
    statements = 0
    loop_name = "APScheduler"
    original = CursorWrapper._execute

    def counting(self: Any, *args: Any) -> Any:
        nonlocal statements
        if threading.current_thread().name == loop_name:
            statements += 1
        return original(self, *args)

    CursorWrapper._execute = counting  # type: ignore[method-assign]
    scheduler = SchedcoreScheduler()
    scheduler.begin()
    pause = threading.Event()
    pause.wait(3)
    before_statements, before_memory = statements, _memory_kb()
    pause.wait(seconds)
    idle_statements = (statements - before_statements) / seconds
    grown_kb = _memory_kb() - before_memory
    latencies = []
    for number in range(CHANGES):
        started.clear()
        began = time.monotonic()
        execution.run_now(ids[number], actor=system_actor())
        started.wait(10)
        latencies.append(time.monotonic() - began)
        pause.wait(0.05)
    latencies.sort()
    scheduler.end(grace_s=5)
    return {
        "database": connection.vendor,
        "jobs": count,
        "statements_a_second": round(idle_statements, 2),
        "memory_growth_kb": grown_kb,
        "change_to_start_p50_s": round(latencies[len(latencies) // 2], 3),
        "change_to_start_max_s": round(latencies[-1], 3),
    }


def _memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), float(sys.argv[2]))))  # noqa: T201  its output
    sys.stdout.flush()
    os._exit(0)
