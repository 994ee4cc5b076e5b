"""The proof by killing, in its short form; the long one is `make chaos`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos.conftest import RunScheduler
from tests.chaos.figures import say
from tests.chaos.population import MANY_WORKERS
from tests.chaos.run import Chaos

FAULTS, JOBS = 8, 60
SEED = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))


@pytest.mark.timeout(300)
def test_two_schedulers_that_are_killed_and_frozen_at_random_account_for_every_occurrence(
    run_scheduler: RunScheduler, notes_file: Path
) -> None:
    """To see a failure again: the same with CHAOS_SEED set to the seed that it names."""
    outcome = Chaos(lambda: run_scheduler(**MANY_WORKERS), SEED, None).run(
        faults=FAULTS, jobs=JOBS, notes_file=notes_file, say=say
    )
    figures = "\n".join(outcome.lines())
    say(figures)
    assert not outcome.offences, figures
    assert outcome.faults.total() >= FAULTS
    assert outcome.runs > JOBS, "hardly anything ran at all"
