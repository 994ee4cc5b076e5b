"""Fills a database with jobs and executions, and opens pages of the admin as a manager does.

A process of its own; prints what each page took, asked and weighed as JSON.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from datetime import UTC, datetime
from random import Random
from statistics import median
from typing import Any

JOBS = "/admin/jobs/job/"
PAGES = {
    "jobs": JOBS,
    "search": f"{JOBS}?q=0012&o=3",
    "strip": f"{JOBS}strip/",
    "executions": "/admin/jobs/jobexecution/",
    "health": "/scheduler/api/health",
    "metrics": "/metrics",
}
OPENED = 7
"""Times that each is opened; the median counts."""


def main(jobs: int, executions: int) -> None:
    import django

    django.setup()
    from jobs.demo.many import make_many_executions, make_many_jobs

    now, rng = datetime.now(UTC), Random(1)
    make_many_executions(make_many_jobs(jobs, now, rng), executions, now, rng)
    _count()
    client = _manager()
    found: dict[str, float] = {}
    for name, path in PAGES.items():
        found |= {f"{name}_{key}": value for key, value in _opened(client.get, path).items()}
    known = {row["id"]: row["revision"] for row in client.get(JOBS).context["rows"]}
    for name, rows in (("idle", known), ("all_new", dict.fromkeys(known, ""))):

        def ask(path: str, rows: dict[str, str] = rows) -> Any:
            body = json.dumps({"rows": rows})
            return client.post(path, body, content_type="application/json")

        live = _opened(ask, f"{JOBS}live/")
        found |= {f"{name}_{key}": value for key, value in live.items()}
    sys.stdout.write(json.dumps(found))


def _count() -> None:
    """As the scheduler would have, and let it lead."""
    from django.db import connection

    from jobs.executions.tally import add_verdicts
    from jobs.models import JobExecution
    from jobs.runtime.counts import Counts
    from jobs.runtime.identity import Identity
    from jobs.runtime.lease import Membership
    from tests.factories import make_leader

    ids = list(JobExecution.objects.values_list("pk", flat=True))
    counts = Counts()
    for number in range(200):
        for function in range(20):
            counts.duration(f"function_{function}", number**2)
        counts.lateness(number / 10)
    with connection.cursor() as cursor:
        for start in range(0, len(ids), 50_000):
            add_verdicts(cursor, ids[start : start + 50_000])
        counts.write(Membership(Identity(id=make_leader().pk)), limit_s=60)
        counts.write(cursor)
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")


def _manager() -> Any:
    from django.conf import settings
    from django.test import Client
    from django.test.utils import setup_test_environment

    from tests.factories import make_user

    setup_test_environment()
    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(make_user("manage_job", is_staff=True))
    return client


def _opened(ask: Any, path: str) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took: list[float] = []
    for _ in range(OPENED):
        began = time.perf_counter()
        answer = ask(path)
        took.append(time.perf_counter() - began)
        assert answer.status_code == 200, (path, answer.status_code)
    with CaptureQueriesContext(connection) as queries:
        content = ask(path).content
    return {
        "s": median(took),
        "queries": len(queries),
        "kb": len(content) / 1000,
        "sent_kb": len(gzip.compress(content, 6)) / 1000,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
