"""All executors of one scheduler, as its loop sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jobs.conf import conf
from jobs.runtime.executors.pool import Pool
from jobs.runtime.executors.processes import ProcessesExecutor
from jobs.runtime.executors.threads import ThreadsExecutor
from jobs.runtime.run import Run


class Pools:
    def __init__(self, wake: Callable[[], None]) -> None:
        pools: tuple[Pool, ...] = (
            ThreadsExecutor(conf().max_workers, wake),
            ProcessesExecutor(conf().max_processes, wake),
        )
        self._pools = {pool.alias: pool for pool in pools}

    def __iter__(self) -> Iterator[Pool]:
        return iter(self._pools.values())

    def __getitem__(self, alias: str) -> Pool:
        return self._pools[alias]

    def aliases(self) -> set[str]:
        return set(self._pools)

    @property
    def waiting(self) -> int:
        """Runs that wait in memory."""
        return sum(pool.waiting for pool in self)

    def capacity(self, aliases: Iterable[str]) -> dict[str, int]:
        """Those of `aliases` that can take more runs, and how many."""
        found = {alias: self._pools[alias].capacity() for alias in aliases if alias in self._pools}
        return {alias: limit for alias, limit in found.items() if limit}

    def hand_over(self, run: Run) -> None:
        self._pools[run.handout.executor].hand_over(run)

    def runs(self) -> list[Run]:
        return [run for pool in self for run in pool.runs()]

    def abandoned(self) -> list[int]:
        return [execution_id for pool in self for execution_id in pool.abandoned]

    def take_back(self) -> list[int]:
        return [execution_id for pool in self for execution_id in pool.take_back()]

    @property
    def stale_at(self) -> float | None:
        found = [pool.stale_at for pool in self]
        return min((at for at in found if at is not None), default=None)

    def figures(self) -> dict[str, Any]:
        """For health: slots, those that are taken, those that a run holds that has its verdict
        already, and the executors that have no free one."""
        return {
            "workers": sum(pool.workers for pool in self),
            "busy_workers": sum(pool.busy for pool in self),
            "lingering": sum(run.is_lingering for run in self.runs()),
            "full_executors": [pool.alias for pool in self if pool.busy >= pool.workers],
        }
