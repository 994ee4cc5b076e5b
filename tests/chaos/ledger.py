"""The ledger: is every occurrence of a time accounted for once, and none dispatched twice?

It holds what the history says against what the tasks themselves wrote down. Jobs are due
every second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

SECOND = timedelta(seconds=1)

NEVER_BEGUN = ("queued", "skipped", "missed")
UNFINISHED = ("queued", "running")

MOST_RERUNS = 5
"""More interruptions than that are given up; see `jobs.executions.retry`."""

SHOWN = 5
"""Moments that one offence names; it says how many there are."""


class Row(NamedTuple):
    """An execution, as far as the ledger needs it; field names are the columns'."""

    id: int
    job_id: str
    source: str
    attempt: int
    retry_of_id: int | None
    status: str
    scheduled_for: datetime
    first_scheduled_for: datetime | None
    occurrence_count: int
    is_count_capped: bool
    epoch: int
    finished_at: datetime | None
    released_at: datetime | None

    @property
    def is_first_attempt(self) -> bool:
        return self.source == "schedule" and self.attempt == 1

    def moments(self) -> list[datetime]:
        """The occurrences that it stands for, counted from its first on."""
        first = self.first_scheduled_for or self.scheduled_for
        return [first + n * SECOND for n in range(self.occurrence_count)]


class Note(NamedTuple):
    """What a run of `tests.chaos.tasks` wrote down when it began."""

    job_id: str
    scheduled_for: datetime
    execution_id: int
    epoch: int
    attempt: int
    pid: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """The occurrences of a job that have to be accounted for: each second from `first` on."""

    first: datetime
    until: datetime
    """The first occurrence that is not due yet."""

    def moments(self) -> Iterator[datetime]:
        for n in range((self.until - self.first) // SECOND):
            yield self.first + n * SECOND


def read_notes(file: Path) -> list[Note]:
    if not file.exists():
        return []
    return [_note(*line.split()) for line in file.read_text().splitlines()]


def offences(
    rows: Sequence[Row],
    notes: Sequence[Note],
    windows: Mapping[str, Window],
    rerun_wanted: Collection[str] = (),
) -> list[str]:
    """What is wrong, a sentence each; empty if every promise was kept.

    `rerun_wanted` are the jobs whose interrupted runs are to be run again.
    """
    by_job: dict[str, list[Row]] = {job_id: [] for job_id in windows}
    for row in rows:
        if row.is_first_attempt and row.job_id in by_job:
            by_job[row.job_id].append(row)
    return [
        *_without_an_end(rows),
        *(found for job_id in windows for found in _miscounted(by_job[job_id])),
        *(
            found
            for job_id, window in windows.items()
            for found in _unaccounted(job_id, by_job[job_id], window)
        ),
        *_dispatched_twice(notes),
        *_told_otherwise(rows, notes),
        *_tried_otherwise(rows, rerun_wanted),
    ]


def begun_after_their_verdict(
    rows: Sequence[Row], notes: Sequence[Note]
) -> list[tuple[Note, float]]:
    """Runs that began when they had been given up already, as of a process that was frozen
    between its hand-out and their start; and by how many seconds."""
    finished = {row.id: row.finished_at for row in rows if row.status == "interrupted"}
    found = [(note, finished.get(note.execution_id)) for note in notes]
    late = [(note, (note.at - at).total_seconds()) for note, at in found if at is not None]
    return [(note, seconds) for note, seconds in late if seconds > 0]


def _without_an_end(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.status in UNFINISHED:
            yield f"{_named(row)} has no verdict: it is {row.status}"
        elif row.released_at is None:
            yield f"{_named(row)} is {row.status} and still holds its slot"


def _miscounted(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if not row.is_count_capped and row.moments()[-1] != row.scheduled_for:
            yield (
                f"{_named(row)} says {row.occurrence_count} occurrences, "
                f"from {row.first_scheduled_for} to {row.scheduled_for}"
            )


def _unaccounted(job_id: str, rows: Sequence[Row], window: Window) -> Iterator[str]:
    counted = Counter(moment for row in rows for moment in row.moments())
    expected = list(window.moments())
    yield from _sentence(job_id, "without a row", [m for m in expected if m not in counted])
    yield from _sentence(job_id, "more than once", [m for m, n in counted.items() if n > 1])
    known = set(expected)
    yield from _sentence(job_id, "never due", sorted(m for m in counted if m not in known))


def _sentence(job_id: str, what: str, moments: Sequence[datetime]) -> Iterator[str]:
    if moments:
        shown = ", ".join(f"{moment:%H:%M:%S.%f}" for moment in moments[:SHOWN])
        yield f"{job_id}: {len(moments)} occurrences {what}: {shown}"


def _dispatched_twice(notes: Sequence[Note]) -> Iterator[str]:
    executions = Counter(note.execution_id for note in notes)
    for execution_id, count in executions.items():
        if count > 1:
            yield f"execution {execution_id} was run {count} times"
    occurrences = Counter((n.job_id, n.scheduled_for) for n in notes if n.attempt == 1)
    for (job_id, moment), count in occurrences.items():
        if count > 1:
            yield f"{job_id}: the occurrence {moment} was run {count} times"


def _told_otherwise(rows: Sequence[Row], notes: Sequence[Note]) -> Iterator[str]:
    """Where the history and the tasks disagree on what was run."""
    known = {row.id: row for row in rows}
    noted = set()
    for note in notes:
        noted.add(note.execution_id)
        row = known.get(note.execution_id)
        if row is None:
            yield f"execution {note.execution_id} of {note.job_id} was run and has no row"
        elif row.status in NEVER_BEGUN:
            yield f"{_named(row)} is {row.status}, yet it was run"
        elif row.epoch != note.epoch:
            yield f"{_named(row)} was run in epoch {note.epoch}, but handed out in {row.epoch}"
    for row in rows:
        if row.status == "succeeded" and row.id not in noted:
            yield f"{_named(row)} succeeded, yet it was never run"


def _tried_otherwise(rows: Sequence[Row], rerun_wanted: Collection[str]) -> Iterator[str]:
    """Where a further attempt is missing, or is one of nothing."""
    known = {row.id: row for row in rows}
    followed = Counter(row.retry_of_id for row in rows if row.retry_of_id)
    for row in rows:
        if row.source == "retry":
            former = known.get(row.retry_of_id or 0)
            expected = former and (former.job_id, former.scheduled_for, former.attempt + 1)
            if expected != (row.job_id, row.scheduled_for, row.attempt):
                yield f"{_named(row)} is attempt {row.attempt} of {former and _named(former)}"
        if followed[row.id] > 1:
            yield f"{_named(row)} was tried again {followed[row.id]} times"
        is_wanted = row.job_id in rerun_wanted and row.attempt <= MOST_RERUNS
        if row.status == "interrupted" and is_wanted and not followed[row.id]:
            yield f"{_named(row)} was interrupted and not run again"


def _named(row: Row) -> str:
    return f"execution {row.id} of {row.job_id} for {row.scheduled_for}"


def _note(
    job_id: str,
    scheduled_for: str,
    execution_id: str,
    epoch: str,
    attempt: str,
    pid: str,
    at: str,
) -> Note:
    return Note(
        job_id,
        datetime.fromisoformat(scheduled_for),
        int(execution_id),
        int(epoch),
        int(attempt),
        int(pid),
        datetime.fromisoformat(at),
    )
