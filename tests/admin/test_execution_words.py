from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.admin.execution_words import asked_by, first_line, occurrences, why
from jobs.models import JobExecution, Source, Status

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def execution(status: str, **fields: Any) -> JobExecution:
    return JobExecution(status=status, scheduled_for=NOON, queued_at=NOON, **fields)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (execution("queued"), "It has waited for a free worker for 30 s."),
        (
            execution("queued", start_after=NOON + timedelta(minutes=5)),
            "It waits for its next attempt, in 4 min.",
        ),
        (execution("running", started_at=NOON), "It has run for 30 s."),
        (
            execution("running", started_at=NOON, timeout_s=60),
            "It has run for 30 s, of at most 1 min 0 s.",
        ),
        (
            execution("running", cancel_requested_at=NOON, cancel_requested_by="ann"),
            "ann asked for its end; it stops at its next check.",
        ),
        (execution("succeeded", duration_s=41), "It ended well, after 41 s."),
        (execution("succeeded", reason="As asked."), "As asked."),
        (execution("failed"), "The task raised ValueError: no"),
        (execution("timed_out", reason="Too long."), "Too long."),
    ],
)
def test_every_verdict_has_its_reason_in_a_sentence(found: JobExecution, sentence: str) -> None:
    error = "ValueError: no\nmore" if found.status == "failed" else ""
    assert why(found, NOON + timedelta(seconds=30), error=error) == sentence


@pytest.mark.parametrize("status", list(Status))
def test_no_verdict_breaks_without_its_particulars(status: Status) -> None:
    assert isinstance(why(execution(status), NOON, error=""), str)


def test_who_asked_for_it_is_said() -> None:
    assert asked_by(execution("running", source=Source.SCHEDULE)) == "its schedule"
    assert (
        asked_by(execution("running", source=Source.MANUAL, requested_by="ann")) == "ann, by hand"
    )
    assert "attempt 3" in asked_by(execution("running", source=Source.RETRY, attempt=3))


def test_a_stretch_of_occurrences_is_counted() -> None:
    assert occurrences(execution("missed")) == ""
    assert occurrences(execution("missed", occurrence_count=4)) == "4 occurrences"
    capped = execution("missed", occurrence_count=9, is_count_capped=True)
    assert occurrences(capped) == "at least 9 occurrences"


def test_a_long_error_is_cut() -> None:
    assert first_line("\n a\nb") == "a"
    assert len(first_line("x" * 1000)) == 301
