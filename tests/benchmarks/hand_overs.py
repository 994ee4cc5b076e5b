"""Hands runs over to the executor `processes`, in a process of its own, one after the other.

Each is due at the moment of its hand-over, so that the task notes the time between the two.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime


def main(count: int) -> None:
    import django

    django.setup()
    from apscheduler.schedulers.background import BackgroundScheduler

    from jobs.executions.hand_out import Handout
    from jobs.models.execution import Source
    from jobs.runtime.clock import Clock
    from jobs.runtime.executors.processes import ProcessesExecutor
    from jobs.runtime.recorder import Recorder
    from jobs.runtime.run import Run

    pool = ProcessesExecutor(1, lambda: None)
    pool.start(BackgroundScheduler(), pool.alias)
    recorder = Recorder(lambda: None)
    for number in range(count):
        handout = Handout(
            execution_id=number,
            job_id="job",
            job_name="job",
            function="note_start",
            args=[],
            kwargs={},
            executor=pool.alias,
            timeout_s=0,
            source=Source.SCHEDULE,
            requested_by="",
            attempt=1,
            scheduled_for=datetime.now(UTC),
            owner="",
            epoch=1,
        )
        pool.hand_over(Run(handout, recorder, Clock()))
        while pool.runs():
            time.sleep(0.001)
        time.sleep(random.uniform(0.0, 0.02))  # its child waits, and the kernel runs others
    pool.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
