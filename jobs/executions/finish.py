"""Finish: verdicts, progress and log lines of runs, written in batches.

A verdict is written once: only over a row that is still running and still this process's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.backends.utils import CursorWrapper

from jobs.executions.database import in_list, insert_rows, list_parameter, to_database, update_rows
from jobs.executions.retry import RETRIED, Ended, queue_again, retries
from jobs.executions.revision import bump_revision
from jobs.models.execution import Status

VERDICT: dict[str, str] = {
    "status": "varchar",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "released_at": "timestamptz",
    "duration_s": "double precision",
    "result": "jsonb",
    "reason": "text",
    "warning": "text",
    "error": "text",
    "traceback": "text",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended. `result` is JSON text; without `released_at` it still holds its slot."""

    execution_id: int
    job_id: str
    scheduled_for: datetime
    status: Status
    started_at: datetime
    finished_at: datetime
    released_at: datetime | None
    duration_s: float
    attempt: int = 1
    is_final: bool = False
    """Somebody has asked to cancel it: it is not tried again, however it ended."""
    result: str | None = None
    reason: str = ""
    warning: str = ""
    error: str = ""
    traceback: str = ""


class Progress(NamedTuple):
    execution_id: int
    done: float
    total: float | None
    message: str


class LogLine(NamedTuple):
    execution_id: int
    at: datetime
    level: int
    logger: str
    message: str


def write_verdicts(
    cursor: CursorWrapper, owner: str, verdicts: Sequence[Verdict], now: datetime
) -> None:
    """Give running rows of `owner` their verdicts, and queue the next attempts of those that
    have any left; rows that have a verdict keep it."""
    failed = [
        Ended(v.execution_id, v.job_id, v.attempt)
        for v in verdicts
        if v.status in RETRIED and not v.is_final
    ]
    attempts = retries(failed, now=now)
    _update(cursor, owner, verdicts)
    queue_again(cursor, attempts, after=RETRIED, now=now)


def _update(cursor: CursorWrapper, owner: str, verdicts: Sequence[Verdict]) -> None:
    update_rows(
        cursor,
        "jobs_jobexecution",
        ("id", "bigint"),
        VERDICT,
        [
            (
                v.execution_id,
                v.status.value,
                to_database(v.started_at),
                to_database(v.finished_at),
                to_database(v.released_at),
                v.duration_s,
                v.result,
                v.reason,
                v.warning,
                v.error,
                v.traceback,
            )
            for v in verdicts
        ],
        condition=f"t.status = '{Status.RUNNING.value}' AND t.owner = %s",
        condition_values=[owner],
    )


def release(cursor: CursorWrapper, execution_ids: Sequence[int], now: datetime) -> None:
    """Give back the slots of rows that got their verdict while their thread went on."""
    if not execution_ids:
        return
    cursor.execute(
        "UPDATE jobs_jobexecution SET released_at = %s "
        f"WHERE released_at IS NULL AND finished_at IS NOT NULL AND {in_list('id', 'bigint')}",
        [to_database(now), list_parameter(execution_ids)],
    )
    if cursor.rowcount:
        bump_revision()  # a retry may have waited for that, and another process may lead


def write_progress(cursor: CursorWrapper, owner: str, rows: Sequence[Progress]) -> None:
    update_rows(
        cursor,
        "jobs_jobexecution",
        ("id", "bigint"),
        {
            "progress_done": "double precision",
            "progress_total": "double precision",
            "progress_message": "varchar",
        },
        rows,
        condition="t.owner = %s",
        condition_values=[owner],
    )


def write_logs(cursor: CursorWrapper, lines: Sequence[LogLine]) -> None:
    insert_rows(
        cursor,
        "jobs_executionlog",
        {
            "execution_id": "bigint",
            "at": "timestamptz",
            "level": "smallint",
            "logger": "varchar",
            "message": "text",
        },
        [
            (line.execution_id, to_database(line.at), line.level, line.logger, line.message)
            for line in lines
        ],
    )
