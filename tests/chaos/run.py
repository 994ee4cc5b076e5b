"""The proof by killing: two schedulers, many jobs due every second, faults at random.

Afterwards every occurrence is accounted for, or `Outcome.offences` says what is wrong.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection
from django_apscheduler.models import DjangoJob

from jobs.models import JobExecution
from tests.chaos.faults import OF_A_PROCESS, WEIGHTS, Place, Start, of_the_database
from tests.chaos.ledger import Window, begun_after_their_verdict, offences, read_notes
from tests.chaos.outcome import TAKEOVER_LIMITS_S, Blow, Outcome
from tests.chaos.population import history, pause, plant, population, rerun_wanted
from tests.chaos.processes import still_alive
from tests.chaos.server import Server
from tests.chaos.watch import Watch
from tests.waiting import until

BETWEEN_S = (0.2, 1.5)
"""Between the end of a fault and the next."""

DATABASE_SHARE, DOUBLE_SHARE = 0.2, 0.15
"""Of all faults: those of the database, and those that strike two victims at once."""

SAY_EVERY = 10
SETTLED_BY_S = 120.0


@dataclass(frozen=True, slots=True)
class Strike:
    name: str
    act: Callable[[], None]
    victim: Place | None = None
    """None: the database."""


class Chaos:
    """One run on this process's database."""

    def __init__(self, start: Start, seed: int, server: Server | None) -> None:
        self._start = start
        self._rng = random.Random(seed)
        self._of_the_database = of_the_database(server)
        self._outcome = Outcome(seed)
        self._places: list[Place] = []

    def run(
        self, *, faults: int, jobs: int, notes_file: Path, say: Callable[[str], None]
    ) -> Outcome:
        outcome = self._outcome
        try:
            self._places = [Place(self._start), Place(self._start)]
            for place in self._places:
                place.scheduler.begins()
            first_due = plant(population(jobs, notes_file))
            began = time.monotonic()
            with Watch() as watch:
                until(lambda: watch.leader)
                while (so_far := outcome.faults.total()) < faults:
                    self._strike(watch)
                    if outcome.faults.total() // SAY_EVERY > so_far // SAY_EVERY:
                        say(f"  {outcome.faults.total()} faults, {time.monotonic() - began:.0f} s")
            outcome.reigns = watch.reigns
            outcome.judge_takeovers()
            windows = self._settle(first_due)
            outcome.lasted_s = time.monotonic() - began
        finally:
            for place in self._places:
                if place.scheduler.is_running:
                    place.scheduler.kill()
        rows, notes = history(windows), read_notes(notes_file)
        outcome.count(rows, notes, windows)
        outcome.begun_late = begun_after_their_verdict(rows, notes)
        outcome.offences += offences(rows, notes, windows, rerun_wanted())
        outcome.judge([found for place in self._places for found in place.exits])
        orphans = still_alive(set().union(*(place.orphans for place in self._places)))
        outcome.offences += [f"process {kin.pid} outlived its scheduler" for kin in orphans]
        return outcome

    def _strike(self, watch: Watch) -> None:
        """One fault, or two at once; returns when it is over."""
        for place in self._places:
            place.look_after()
        strikes = self._choose()
        leader, since = watch.leader, time.monotonic()
        were_ready = all(place.scheduler.has_begun for place in self._places)
        pids = [strike.victim.scheduler.pid if strike.victim else 0 for strike in strikes]
        _at_once([strike.act for strike in strikes])
        self._outcome.faults.update(strike.name for strike in strikes)
        name = strikes[0].name if were_ready and pids == [leader] else ""
        self._outcome.blows.append(Blow(name, leader, since, time.monotonic()))
        if name in TAKEOVER_LIMITS_S:
            with suppress(AssertionError):  # `Outcome` judges it
                limit_s = TAKEOVER_LIMITS_S[name] + 1.0
                until(lambda: watch.leader not in (0, leader), deadline_s=limit_s)
        threading.Event().wait(self._rng.uniform(*BETWEEN_S))

    def _choose(self) -> list[Strike]:
        rng = self._rng
        first, second = rng.sample(self._places, 2)
        is_double = rng.random() < DOUBLE_SHARE
        if rng.random() >= DATABASE_SHARE:
            return [self._on(first)] + ([self._on(second)] if is_double else [])
        name = rng.choice(sorted(self._of_the_database))
        fault, own = self._of_the_database[name], random.Random(rng.random())
        return [Strike(name, lambda: fault(own)), *([self._on(first)] if is_double else [])]

    def _on(self, place: Place) -> Strike:
        (name,) = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
        fault, own = OF_A_PROCESS[name], random.Random(self._rng.random())
        return Strike(name, lambda: fault(place, own), place)

    def _settle(self, first_due: dict[str, datetime]) -> dict[str, Window]:
        """Stop both, and let a last one put in order what they left."""
        for place in self._places:
            place.look_after()
            place.scheduler.begins(deadline_s=SETTLED_BY_S)
            place.end()
        connection.close()  # this process's own was cut off as well
        now = datetime.now(UTC)
        last = Place(self._start)
        self._places.append(last)
        behind = DjangoJob.objects.filter(pk__in=first_due, next_run_time__lte=now)
        until(lambda: not behind.exists(), deadline_s=SETTLED_BY_S)
        windows = pause(first_due)
        with suppress(AssertionError):  # the ledger tells which have no verdict
            until(lambda: not JobExecution.objects.unfinished().exists(), deadline_s=SETTLED_BY_S)
        last.end()
        return windows


def _at_once(acts: Sequence[Callable[[], None]]) -> None:
    raised: list[BaseException] = []

    def guarded(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
