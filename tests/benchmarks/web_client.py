"""Asks a web server for pages as fast as it answers; a process of its own.

Prints as JSON, for each kind of page, how many a second, and how long one took.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from random import Random

from tests.benchmarks.figures import percentile
from tests.benchmarks.web_stock import name

AT_ONCE = 8
"""Who ask at once, as many as the workers have threads. Each request has a connection of its own,
as from the proxy of docs/deploy: connections that stay may all be with one of the workers."""

WARM_UP_S = 3.0
"""At first workers start, and load what they need once; that does not count."""


def main(port: int, token: str, jobs: int, executions: int, seconds: float) -> None:
    kinds = {
        "list": "jobs?page_size=50&page={page}",
        "verdict": "executions?job={job}&status=failed",
        "job": "jobs/{job}",
        "execution": "executions/{execution}",
    }
    _asked(port, token, kinds["list"], jobs, executions, WARM_UP_S)
    found = {}
    for kind, path in kinds.items():
        took = _asked(port, token, path, jobs, executions, seconds)
        found |= {
            f"{kind}_rps": len(took) / seconds,
            f"{kind}_p50_s": percentile(took, 0.5),
            f"{kind}_p99_s": percentile(took, 0.99),
        }
    sys.stdout.write(json.dumps(found))


def _asked(
    port: int, token: str, path: str, jobs: int, executions: int, seconds: float
) -> list[float]:
    """How long each answer took, of `AT_ONCE` who ask one after the other until the end."""
    took: list[float] = []
    problems: list[str] = []
    end = time.monotonic() + seconds

    def ask(paths: Iterator[str]) -> None:
        headers = {"Authorization": f"Token {token}", "Connection": "close"}
        while (started := time.monotonic()) < end:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", f"/scheduler/api/{next(paths)}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            if answer.status != 200:
                problems.append(f"{answer.status} {body[:200]!r}")
                return
            took.append(time.monotonic() - started)

    threads = [
        threading.Thread(target=ask, args=[_paths(path, jobs, executions, seed)])
        for seed in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise SystemExit(problems[0])
    return took


def _paths(path: str, jobs: int, executions: int, seed: int) -> Iterator[str]:
    random = Random(seed)
    while True:
        yield path.format(
            page=random.randint(1, jobs // 50),
            job=name(random.randrange(jobs)),
            execution=random.randint(1, executions),
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:5]), float(sys.argv[5]))
