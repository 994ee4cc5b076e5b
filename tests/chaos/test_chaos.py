"""The proof by killing, in its short form; the long one is `make chaos`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.conftest import RunScheduler
from tests.chaos.figures import say
from tests.chaos.population import MANY_WORKERS
from tests.chaos.run import Chaos

FAULTS, JOBS = 8, 60
SEED = int(os.environ.get("CHAOS_SEED", "88"))
"""The same faults each time, of every kind that can be had here, so that the gate says the same
of the same code as far as real processes can. `make chaos` takes other ones each time."""


@pytest.mark.timeout(300)
def test_two_schedulers_that_are_killed_and_frozen_at_random_account_for_every_occurrence(
    run_scheduler: RunScheduler, notes_file: Path
) -> None:
    """With the faults of another seed: CHAOS_SEED."""
    outcome = Chaos(lambda: run_scheduler(**MANY_WORKERS), SEED, None).run(
        faults=FAULTS, jobs=JOBS, notes_file=notes_file, say=say
    )
    figures = "\n".join(outcome.lines())
    say(figures)
    assert not outcome.offences, figures
    assert outcome.faults.total() >= FAULTS
    assert outcome.runs > JOBS, "hardly anything ran at all"
