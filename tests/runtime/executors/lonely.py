"""A program that has the executor and nothing else of a scheduler, to be killed by a test.

python -m tests.runtime.executors.lonely <mark> [further modules of its fork server]
"""

from __future__ import annotations

import sys
import threading

import django

django.setup()

from jobs.runtime.executors.fork_server import ForkServer  # noqa: E402
from jobs.runtime.executors.processes import ProcessesExecutor  # noqa: E402
from tests.runtime.executors.bench import benched  # noqa: E402
from tests.runtime.executors.sample import LONG_S  # noqa: E402

MODULES = "tests.runtime.executors.modules"

if __name__ == "__main__":
    server = ForkServer([f"{MODULES}.tasks", *[f"{MODULES}.{name}" for name in sys.argv[2:]]])
    with benched(ProcessesExecutor(2, lambda: None, server)) as bench:
        idle = bench.give("wait_for_file", sys.argv[1])
        bench.give("hold_process", sys.argv[1])
        bench.verdict(idle)
        threading.Event().wait(LONG_S)
