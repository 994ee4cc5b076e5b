"""A program that has the executor and nothing else of a scheduler, to be killed by a test."""

from __future__ import annotations

import sys
import threading

import django

django.setup()

from jobs.runtime.executors.fork_server import ForkServer  # noqa: E402
from jobs.runtime.executors.processes import ProcessesExecutor  # noqa: E402
from tests.runtime.executors.bench import benched  # noqa: E402
from tests.runtime.executors.sample import LONG_S  # noqa: E402

if __name__ == "__main__":
    server = ForkServer(["tests.runtime.executors.modules.tasks"])
    with benched(ProcessesExecutor(2, lambda: None, server)) as bench:
        idle = bench.give("wait_for_file", sys.argv[1])
        bench.give("hold_process", sys.argv[1])
        bench.verdict(idle)
        threading.Event().wait(LONG_S)
