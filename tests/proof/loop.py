"""A scheduler whose loop, and whose workers, are the test: it takes a step when it is told to."""

from __future__ import annotations

import queue

from jobs.executions.database import database_now
from jobs.executions.hand_out import Handout
from jobs.models import Status
from jobs.runtime.identity import Identity
from jobs.runtime.perform import Outcome
from jobs.runtime.run import Run
from jobs.runtime.scheduler import SchedcoreScheduler

SUCCEEDED = Outcome(Status.SUCCEEDED)
FAILED = Outcome(Status.FAILED, error="ValueError: no")
STOPPED = Outcome(Status.CANCELLED)
"""How a task ends that was told to, by its next `check()`."""


class Loop:
    """Its steps are the real ones; time, threads and crashes are the caller's."""

    def __init__(self, host: str = "host", *, workers: int = 5) -> None:
        self.scheduler = SchedcoreScheduler(Identity(host=host))
        self.scheduler.membership.register(database_now())
        self.pool = self.scheduler.pools["threads"]
        self.pool.workers = workers
        self.handed_out: list[Handout] = []
        """Everything that it ever gave to its workers, in order."""
        self.begun: list[Run] = []
        """What its workers are at."""
        genuine = self.scheduler.pools.hand_over

        def hand_over(run: Run) -> None:
            self.handed_out.append(run.handout)
            genuine(run)

        self.scheduler.pools.hand_over = hand_over  # type: ignore[method-assign]

    @property
    def id(self) -> str:
        return self.scheduler.membership.identity.id

    @property
    def leads(self) -> bool:
        return self.scheduler.membership.is_leader

    def step(self) -> None:
        """One step in which everything is looked at that is looked at from time to time."""
        scheduler = self.scheduler
        scheduler._next_beat = scheduler._next_look = scheduler._next_poll = 0.0
        scheduler._agenda.due_at = 0.0
        scheduler._process_jobs()
        assert scheduler.faults.current == ""

    def takes_the_lead(self) -> Loop:
        for _step in range(3):
            self.step()
        assert self.leads
        return self

    def begins(self) -> Run | None:
        """A worker takes the next run that waits in memory; None if there is none."""
        try:
            run = self.pool._queue.get_nowait()
        except queue.Empty:
            return None
        assert run is not None
        run.begin()
        self.begun.append(run)
        return run

    def ends(self, run: Run, outcome: Outcome = SUCCEEDED) -> None:
        """The task of the run returns; the next step writes its verdict."""
        self.begun.remove(run)
        run.execute(lambda _run: outcome)
        self.pool._forget(run)
