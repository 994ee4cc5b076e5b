"""Visits to instances, some at a time, each with a deadline that holds whatever it does.

A visit runs in a thread of its own and touches no ORM, so no Django connection can leak. The
threads are daemons and not a pool's: one that hangs in a look-up of a name or on a dead file
server is left behind, and neither its successors nor the end of the process wait for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

LOOK_EVERY_S = 0.5
"""How long a cancellation may wait to be noticed."""


@dataclass(frozen=True, slots=True)
class Visit(Generic[K, T]):
    key: K
    run: Callable[[], T]
    deadline_s: float
    late: Exception
    """The answer's error when the deadline passes."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[K, T]):
    """`value` is what the visit returned unless `error` says why it did not."""

    key: K
    seconds: float
    value: T | None = None
    error: Exception | None = None


def side_by_side(
    visits: Sequence[Visit[K, T]],
    *,
    concurrency: int,
    started: Callable[[K], None],
    look: Callable[[], None],
) -> Iterator[Answer[K, T]]:
    """Yield one answer a visit, as they come, or when its deadline passes.

    `started` and `look` are called in the caller's own thread, `look` at least twice a second;
    what they raise ends it, and visits that are under way are left to their own timeouts.
    """
    # Not a SimpleQueue, whose `get` may wait for ever on Python 3.11, see `StopRequest`.
    answers: Queue[Answer[K, T]] = Queue()
    waiting = deque(visits)
    ends_at: dict[K, float] = {}
    by_key = {visit.key: visit for visit in visits}
    while waiting or ends_at:
        look()
        while waiting and len(ends_at) < concurrency:
            visit = waiting.popleft()
            started(visit.key)
            ends_at[visit.key] = time.monotonic() + visit.deadline_s
            # In a copy of this context, so that its log lines name the request they belong to.
            run, name = copy_context().run, f"visit-{visit.key}"
            Thread(target=run, args=(_answer, visit, answers), name=name, daemon=True).start()
        wait_s = min(ends_at.values()) - time.monotonic()
        try:
            answer = answers.get(timeout=max(0.0, min(wait_s, LOOK_EVERY_S)))
        except Empty:
            for key in [key for key, end in ends_at.items() if end <= time.monotonic()]:
                del ends_at[key]
                yield Answer(key, by_key[key].deadline_s, error=by_key[key].late)
        else:
            if ends_at.pop(answer.key, None) is not None:  # else it had been given up
                yield answer


def _answer(visit: Visit[K, T], answers: Queue[Answer[K, T]]) -> None:
    began = time.monotonic()
    try:
        value = visit.run()
    except Exception as error:
        answers.put(Answer(visit.key, time.monotonic() - began, error=error))
    else:
        answers.put(Answer(visit.key, time.monotonic() - began, value=value))
