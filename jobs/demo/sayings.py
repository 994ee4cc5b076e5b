"""What runs of the demonstration say: errors, results, lines of their logs."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from jobs.models import LogLevel

ERRORS = (
    'OperationalError: connection to server at "pg-orders-01.example.invalid" (10.20.4.11), '
    "port 5432 failed: timeout expired",
    "DiskFull: could not extend file base/16412/2619: No space left on device",
    "LockNotAvailable: canceling statement due to lock timeout while locking orders",
    "OperationalError: (2013, 'Lost connection to MySQL server during query')",
    "ConnectionRefusedError: [Errno 111] Connection refused",
)

FAILING = (
    'UndefinedColumn: column "discount_code" of relation "orders" does not exist\n'
    "LINE 1: SELECT id, customer_id, total, discount_code FROM orders\n"
    "                                        ^"
)
"""Of the job that fails every night since somebody renamed a column."""

WARNINGS = (
    "replica-2 is 27 s behind.",
    "Grants not read in: archive.",
    "3 of 214 tables were skipped because they were locked.",
    "The certificate of pg-orders-01 ends in 19 days.",
)

LINES: dict[str, tuple[str, ...]] = {
    "demo_export": ("Reading {n} rows from {word}", "Wrote part {n} of {word}", "Uploaded {word}"),
    "demo_verify_backups": ("Working on backup of {word}", "Checksum of {word} is right"),
    "demo_check_replicas": ("Working on replica-1", "Working on replica-2"),
    "demo_tidy_tables": ("Working on {word}", "{word}: {n} dead rows removed"),
    "demo_send_report": ("Working on figures", "Working on charts", "Working on letter"),
    "demo_count": ("Counted to {n} of 600",),
}
ANY_LINES = ("Visiting {word}", "{word}: {n} rows", "{word} is done")

WORDS = ("orders", "invoices", "customers", "telemetry", "库存", "订单库")


def traceback_of(function: str, error: str) -> str:
    kind = error.partition(":")[0]
    return (
        "Traceback (most recent call last):\n"
        f'  File "/srv/schedcore/jobs/demo/tasks.py", line 71, in {function}\n'
        "    _go_through(steps, pause_s=0.5)\n"
        '  File "/srv/schedcore/reports/source.py", line 118, in fetch\n'
        "    cursor.execute(statement, parameters)\n"
        '  File "/srv/schedcore/lib/site-packages/psycopg/cursor.py", line 97, in execute'
        f"\n    raise ex.with_traceback(None)\npsycopg.errors.{kind}{error[len(kind) :]}\n"
    )


def result_of(function: str, rng: Random) -> Any:
    rows = rng.randrange(40_000, 52_000)
    results: dict[str, Any] = {
        "demo_export": {"rows": rows, "format": "parquet", "columns": "all"},
        "demo_verify_backups": {"verified": 3, "oldest_days": 1, "restored": False},
        "demo_check_replicas": {"replicas": 2, "lag_s": round(rng.random() * 20, 1)},
        "demo_tidy_tables": {"tables": 3, "analyzed": True, "freed_bytes": rows * 8192},
        "demo_send_report": {"recipient": "dba@example.org", "pages": 4},
    }
    return results.get(function, {"seen": rows // 1000, "by": {"new": rows % 7, "gone": rows % 3}})


def log_of(function: str, count: int, rng: Random) -> Iterator[tuple[LogLevel, str]]:
    sayings = LINES.get(function, ANY_LINES)
    for number in range(1, count + 1):
        text = sayings[number % len(sayings)]
        said = text.format(n=number * 120, word=rng.choice(WORDS))
        if rng.random() < 0.04:
            yield LogLevel.WARNING, f"Slow answer ({rng.uniform(1, 9):.1f} s): {said}"
        elif rng.random() < 0.1:
            yield LogLevel.DEBUG, said
        else:
            yield LogLevel.INFO, said
