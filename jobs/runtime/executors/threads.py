"""The default executor: tasks run in threads of the scheduler's process."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from jobs.runtime.executors.pool import Perform, Pool
from jobs.runtime.perform import Outcome, perform
from jobs.runtime.run import Run


class ThreadsExecutor(Pool):
    """Quick to start, and shares memory; what ignores its end cannot be killed."""

    alias = "threads"

    def slot(self) -> AbstractContextManager[Perform]:
        return nullcontext(_perform)


def _perform(run: Run) -> Outcome:
    run.check_in_time()
    run.begin()
    return perform(run.view(), run.handout)
