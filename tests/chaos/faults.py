"""What is done to two schedulers and their database, at random."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from tests.chaos.processes import (
    APPLICATION,
    Kin,
    SchedulerProcess,
    database_file,
    descendants,
)
from tests.chaos.server import Server

DOWN_S = (0.0, 1.5)
"""For how long a process that was ended is not started again."""

FROZEN_S = (0.5, 6.0)
AWAY_S = (0.5, 4.0)

Start = Callable[[], SchedulerProcess]


def wait(seconds: float) -> None:
    """Let a fault last; nothing happens meanwhile that could be waited for."""
    threading.Event().wait(seconds)


@dataclass(frozen=True, slots=True)
class Exit:
    """A process that ended by itself."""

    code: int
    had_begun: bool
    output: str


class Place:
    """Where a scheduler process is kept running, as a service manager would."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self.exits: list[Exit] = []
        self.orphans: set[Kin] = set()
        """What the killed schedulers had started, and what should have died with them."""
        self.scheduler = start()

    def restart(self) -> None:
        self.scheduler = self._start()

    def look_after(self) -> None:
        """Start it again if it has ended by itself."""
        code = self.scheduler.process.poll()
        if code is not None:
            self.exits.append(Exit(code, self.scheduler.has_begun, self.scheduler.output))
            self.restart()

    def end(self) -> None:
        """Ask it to stop, at the very end."""
        code = self.scheduler.stop()
        if code != 0:
            self.exits.append(Exit(code, self.scheduler.has_begun, self.scheduler.output))


def kill(place: Place, rng: random.Random) -> None:
    place.orphans |= descendants(place.scheduler.pid)
    place.scheduler.kill()
    wait(rng.uniform(*DOWN_S))
    place.restart()


def freeze(place: Place, rng: random.Random) -> None:
    place.scheduler.freeze()
    wait(rng.uniform(*FROZEN_S))
    place.scheduler.thaw()


def stop(place: Place, rng: random.Random) -> None:
    place.end()
    wait(rng.uniform(*DOWN_S))
    place.restart()


def lock_sqlite(rng: random.Random) -> None:
    """A foreign program holds the write lock."""
    with held_write_lock(database_file()):
        wait(rng.uniform(*AWAY_S))


@contextmanager
def held_write_lock(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield
        writer.rollback()


def cut_connections(rng: random.Random) -> None:
    """Some of the schedulers' connections are ended by the server."""
    share = rng.choice((0.3, 0.6, 1.0))
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name LIKE %s ORDER BY pid",
                [f"{APPLICATION}%"],
            )
            for (pid,) in cursor.fetchall():
                if rng.random() < share:
                    cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connection.close()  # this is a thread of its own


def hold_lease(rng: random.Random) -> None:
    """A foreign program holds the row of the lease."""
    until = time.monotonic() + rng.uniform(*AWAY_S)
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM jobs_schedulerlease FOR UPDATE")
            wait(until - time.monotonic())
            cursor.execute("ROLLBACK")
    finally:
        connection.close()


def crash_server(server: Server) -> Callable[[random.Random], None]:
    """The server dies, and is started again after a while."""

    def crash(rng: random.Random) -> None:
        server.stop()
        wait(rng.uniform(*AWAY_S))
        server.start()

    return crash


def freeze_server(server: Server) -> Callable[[random.Random], None]:
    """The server stands still for a while."""

    def freeze(rng: random.Random) -> None:
        server.freeze()
        wait(rng.uniform(*AWAY_S))
        server.thaw()

    return freeze


OF_A_PROCESS: dict[str, Callable[[Place, random.Random], None]] = {
    "kill -9": kill,
    "SIGSTOP": freeze,
    "SIGTERM": stop,
}
WEIGHTS = {"kill -9": 40, "SIGSTOP": 40, "SIGTERM": 20}


def of_the_database(server: Server | None) -> dict[str, Callable[[random.Random], None]]:
    """The database faults that can be had here; `server` is one that may be stopped."""
    if connection.vendor == "sqlite":
        return {"write lock held": lock_sqlite}
    found = {"backends killed": cut_connections, "lease row held": hold_lease}
    if server is not None:
        found |= {"server crashed": crash_server(server), "server frozen": freeze_server(server)}
    return found
