"""Pace: how large the steps of a long piece of work are, and the rests between them."""

from __future__ import annotations

from time import monotonic, sleep

BATCH = 1000
"""Rows, of all tables together, that one transaction deletes or changes at most."""

FIRST, LEAST = 200, 50
"""Rows that the first step takes at most, and those that even a slow database is asked for."""

TARGET_S = 0.05
"""How long a step's transaction should take."""

MIN_REST_S, MAX_REST_S = 0.05, 0.5
"""Of the rest after a step. SQLite's busy handler looks every 25 ms while a writer has waited
for less than 0.13 s, so whoever came during a step of TARGET_S gets in within the least."""


class Pace:
    """How many `rows` the next step may take, and how long to rest after it.

    So many that a step takes TARGET_S, and `most` at most. A rest is as long as the work was
    since the last one.
    """

    def __init__(self, most: int = BATCH) -> None:
        self.rows = min(FIRST, most)
        self._most = most
        self._since = monotonic()

    def note(self, seconds: float, rows: int) -> None:
        """A step of so many rows took so long."""
        if seconds > TARGET_S:
            slower = int(self.rows * TARGET_S / seconds)
            self.rows = min(max(slower, LEAST), self._most)
        elif seconds < TARGET_S / 2 and rows > self.rows / 2:
            self.rows = min(self.rows * 2, self._most)

    def rest(self) -> None:
        worked_s = monotonic() - self._since
        sleep(min(max(worked_s, MIN_REST_S), MAX_REST_S))
        self._since = monotonic()
