"""What is told of the loop's faults, and of those of the desk for alerts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs.models import SchedulerProcess
from jobs.runtime.faults import MAX_SENTENCE, Faults, sentence_of
from tests.factories import make_leader


def test_no_part_of_a_secret_is_told_where_a_sentence_is_cut() -> None:
    beginning = "a" * (MAX_SENTENCE - len("ValueError:  a://b:hunt"))
    told = sentence_of(ValueError(f"{beginning} a://b:hunter2@c"))
    assert "hunt" not in told
    assert len(told) <= MAX_SENTENCE


@pytest.mark.django_db
def test_a_heartbeat_is_stored_whatever_the_error_says() -> None:
    faults = Faults()
    faults.begin(ValueError("a\x00b\ud800"), datetime.now(UTC))
    make_leader(figures=faults.figures())
    shown = SchedulerProcess.objects.get().figures["last_fault"]["error"]
    assert shown == "ValueError: a\\x00b\\ud800"
