"""Time as a counter: all clocks that a scheduler looks at stand still until they are advanced."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import time_machine
from django.db import connection

START = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


class Clockwork:
    """The host's wall clock, its monotonic clock, and PostgreSQL's, which agree."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.now = START
        self._traveller = traveller
        self._tell_database()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._traveller.move_to(self.now, tick=False)
        self._tell_database()

    def monotonic(self) -> float:
        return (self.now - START).total_seconds() + 1000.0

    def __getattr__(self, name: str) -> Any:
        """Stands in for the module `time`, of which it is only the monotonic clock."""
        return getattr(time, name)

    def _tell_database(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('clockwork.now', %s, true)", [str(self.now)])


@contextmanager
def clockwork() -> Iterator[Clockwork]:
    """In a transaction that is rolled back, with one connection and one thread."""
    with time_machine.travel(START, tick=False) as traveller:
        if connection.vendor == "postgresql":
            _shadow_the_servers_clock()
        clock = Clockwork(traveller)
        readers = [module for module in _our_modules() if getattr(module, "time", None) is time]
        for module in readers:
            module.time = clock  # type: ignore[attr-defined]
        try:
            yield clock
        finally:
            for module in readers:
                module.time = time  # type: ignore[attr-defined]


def _our_modules() -> list[ModuleType]:
    return [module for name, module in list(sys.modules.items()) if name.startswith("jobs.")]


def _shadow_the_servers_clock() -> None:
    """A function of the same name is found first, in a schema before that of PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA clockwork")
        cursor.execute(
            "CREATE FUNCTION clockwork.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "AS $$ SELECT current_setting('clockwork.now')::timestamptz $$"
        )
        cursor.execute("SET LOCAL search_path = clockwork, pg_catalog, public")
