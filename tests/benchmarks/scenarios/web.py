"""Pages of the API with many jobs and a long history, from two workers of gunicorn."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.contender import SCHEDCORE
from tests.benchmarks.figures import Figures
from tests.benchmarks.goals import Check, at_least
from tests.benchmarks.scenario import Bench, Results, Scenario
from tests.benchmarks.trial import Failed, Place, place

JOBS, EXECUTIONS = 10_000, 1_000_000
QUICK_EXECUTIONS = 100_000
WORKERS = 2
SECONDS = 10.0
START_LIMIT_S = 60.0
GOAL_RPS = 200

KINDS = {"list": "50 jobs", "verdict": "a job's failures", "job": "a job", "execution": "a run"}
COLUMNS = tuple(
    column
    for kind, title in KINDS.items()
    for column in ((f"{kind}_rps", f"{title} {{}}/s"), (f"{kind}_p99_s", "p99 {} s"))
)


def measure(bench: Bench) -> Figures:
    executions = QUICK_EXECUTIONS if bench.is_quick else EXECUTIONS
    seconds = SECONDS / 2 if bench.is_quick else SECONDS
    # Each request writes its line of the log, as in production.
    variables = {"SCHEDCORE_API_RATE": "0", "SCHEDCORE_LOG_LEVEL": "INFO"}
    with place(bench.contender, bench.kind, variables=variables, other=bench.other) as at:
        token = at.run("tests.benchmarks.web_stock", str(JOBS), str(executions)).strip()
        with _served(at) as port:
            sizes = (str(JOBS), str(executions))
            told = at.run("tests.benchmarks.web_client", str(port), token, *sizes, str(seconds))
    found: Figures = json.loads(told)
    return found


@contextmanager
def _served(at: Place) -> Iterator[int]:
    """gunicorn, as README starts it; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--config", "python:schedcore.webserver"]
    command += ["--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", "schedcore.wsgi"]
    with (at.folder / "gunicorn").open("w") as said:
        process = subprocess.Popen(
            command, env=dict(at.environment), cwd=at.folder, stdout=said, stderr=said
        )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Failed("gunicorn did not start")


def judge(results: Results, _: bool) -> list[Check]:
    return [at_least(results[SCHEDCORE].get("list_rps"), GOAL_RPS, "{} pages of 50 jobs a second")]


SCENARIOS = [
    Scenario(
        "web",
        "pages of the API with 10,000 jobs and 1,000,000 executions, on two workers",
        measure,
        COLUMNS,
        judge,
        contenders=(SCHEDCORE,),
    )
]
