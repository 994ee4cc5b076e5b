"""The ledger finds what it is there to find: each kind of offence on doctored rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.ledger import Note, Row, Window, begun_after_their_verdict, offences

START = datetime(2030, 1, 1, tzinfo=UTC)
WINDOW = {"job": Window(START, START + timedelta(seconds=10))}


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def row(second: int, *, count: int = 1, status: str = "succeeded") -> Row:
    """The row of the occurrence at `second`, or of the `count` occurrences up to it."""
    finished = at(second + 0.5)
    first = at(second - count + 1) if count > 1 else None
    return Row(
        id=second,
        job_id="job",
        source="schedule",
        attempt=1,
        retry_of_id=None,
        status=status,
        scheduled_for=at(second),
        first_scheduled_for=first,
        occurrence_count=count,
        is_count_capped=False,
        epoch=3,
        finished_at=finished,
        released_at=finished,
    )


def note(second: int) -> Note:
    return Note("job", at(second), second, 3, 1, 4711, at(second + 0.1))


ROWS = [row(0), row(1), row(4, count=3, status="missed"), row(5, status="interrupted")]
ROWS += [row(6, status="skipped"), row(7), row(9, count=2)]
NOTES = [note(0), note(1), note(7), note(9)]

RERUN = {"job"}
AGAIN = row(5)._replace(id=50, source="retry", attempt=2, retry_of_id=5)

Doctored = tuple[list[Row], list[Note]]


def test_ten_seconds_that_are_all_accounted_for_are_no_offence() -> None:
    assert offences(ROWS, NOTES, WINDOW) == []


def test_an_interrupted_run_may_have_begun_and_may_be_run_again_as_a_new_attempt() -> None:
    notes = [*NOTES, note(5), note(5)._replace(execution_id=50, attempt=2)]
    assert offences([*ROWS, AGAIN], notes, WINDOW, RERUN) == []


def left_running(rows: list[Row], notes: list[Note]) -> Doctored:
    return [row(0)._replace(status="running", finished_at=None, released_at=None), *rows[1:]], notes


def never_released(rows: list[Row], notes: list[Note]) -> Doctored:
    return [row(0)._replace(released_at=None), *rows[1:]], notes


def lost(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows[1:], notes[1:]


def lost_at_the_end(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows[:-1], notes[:-1]


def counted_twice(rows: list[Row], notes: list[Note]) -> Doctored:
    return [*rows, row(4, status="skipped")._replace(id=40)], notes


def before_it_was_due(rows: list[Row], notes: list[Note]) -> Doctored:
    return [*rows, row(10)], [*notes, note(10)]


def stretch_that_does_not_add_up(rows: list[Row], notes: list[Note]) -> Doctored:
    short = row(4, count=3, status="missed")._replace(occurrence_count=2)
    return [*rows[:2], short, *rows[3:]], notes


def run_twice(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, [*notes, note(7)]


def two_executions_of_an_occurrence(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, [*notes, note(7)._replace(execution_id=6)]


def run_without_a_row(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, [*notes, note(3)._replace(execution_id=77)]


def run_though_missed(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, [*notes, note(4)]


def run_in_another_epoch(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, [note(0)._replace(epoch=2), *notes[1:]]


def success_that_never_ran(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, notes[1:]


def never_run_again(rows: list[Row], notes: list[Note]) -> Doctored:
    return rows, notes


def tried_again_twice(rows: list[Row], notes: list[Note]) -> Doctored:
    return [*rows, AGAIN, AGAIN._replace(id=51)], notes


def tried_again_of_nothing(rows: list[Row], notes: list[Note]) -> Doctored:
    return [*rows, AGAIN._replace(retry_of_id=6)], notes


@pytest.mark.parametrize(
    ("doctor", "sentence"),
    [
        (left_running, "has no verdict: it is running"),
        (never_released, "still holds its slot"),
        (lost, "1 occurrences without a row: 00:00:00"),
        (lost_at_the_end, "2 occurrences without a row: 00:00:08"),
        (counted_twice, "1 occurrences more than once: 00:00:04"),
        (before_it_was_due, "1 occurrences never due: 00:00:10"),
        (stretch_that_does_not_add_up, "says 2 occurrences"),
        (run_twice, "execution 7 was run 2 times"),
        (two_executions_of_an_occurrence, "was run 2 times"),
        (run_without_a_row, "was run and has no row"),
        (run_though_missed, "is missed, yet it was run"),
        (run_in_another_epoch, "was run in epoch 2, but handed out in 3"),
        (success_that_never_ran, "succeeded, yet it was never run"),
        (never_run_again, "was interrupted and not run again"),
        (tried_again_twice, "was tried again 2 times"),
        (tried_again_of_nothing, "is attempt 2 of execution 6"),
    ],
)
def test_the_ledger_finds_it(
    doctor: Callable[[list[Row], list[Note]], Doctored], sentence: str
) -> None:
    found = offences(*doctor(list(ROWS), list(NOTES)), WINDOW, RERUN)
    assert any(sentence in offence for offence in found), found


def test_a_run_that_began_after_it_was_given_up_is_found() -> None:
    late = note(5)._replace(at=at(5.6))
    assert begun_after_their_verdict(ROWS, [*NOTES, late]) == [(late, pytest.approx(0.1))]
