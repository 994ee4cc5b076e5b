"""Metrics of the past: what the schedulers have counted, of all jobs and of each."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import connection

from jobs.executions.database import is_postgresql
from jobs.metrics import names
from jobs.metrics.exposition import Page, escaped, histogram_lines, number
from jobs.models import Status, Tally
from jobs.runtime.counts import DURATIONS_S, LATENESSES_S

VERDICTS = [status.value for status in Status if status not in (Status.QUEUED, Status.RUNNING)]


def add_past(page: Page, *, per_job: bool) -> None:
    """In two statements, or three with a series for each job."""
    verdicts = _rows(_VERDICTS if per_job else _VERDICTS_OF_ALL, [Tally.VERDICT])
    totals = dict.fromkeys(VERDICTS, 0)
    for _job_id, verdict, count, _last in verdicts:
        totals[verdict] = totals.get(verdict, 0) + int(count)
    page.counts(names.EXECUTIONS, {(verdict,): count for verdict, count in totals.items()})
    _add_others(page)
    if per_job:
        _add_jobs(page, verdicts)


def _add_others(page: Page) -> None:
    faults: dict[tuple[str, ...], float] = {("database",): 0, ("other",): 0}
    buckets: dict[tuple[str, str], dict[float, int]] = defaultdict(dict)
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for metric, subject, label, count, total in _rows(_OTHERS, [Tally.VERDICT]):
        if metric == Tally.FAULT:
            faults[label,] = count
        else:
            buckets[metric, subject][float(label)] = count
            totals[metric, subject] += total
    page.counts(names.FAULTS, faults)
    durations: list[str] = []
    for key in sorted(key for key in buckets if key[0] == Tally.DURATION):
        filled = {**dict.fromkeys(DURATIONS_S, 0), **buckets[key]}
        durations += histogram_lines(names.DURATION, [key[1]], filled, totals[key])
    page.extend(names.DURATION, durations)
    late = (Tally.LATENESS, "")
    filled = {**dict.fromkeys(LATENESSES_S, 0), **buckets[late]}
    page.extend(names.LATENESS, histogram_lines(names.LATENESS, [], filled, totals[late]))


def _add_jobs(page: Page, verdicts: list[Any]) -> None:
    """Plain formatting, as these are nearly all lines of the page."""
    next_runs = dict(_rows(_NEXT_RUNS, []))
    labels = {job_id: f'job_id="{escaped(job_id)}"' for job_id in next_runs}
    succeeded = Status.SUCCEEDED.value

    def counted() -> Iterator[str]:
        name = names.JOB_EXECUTIONS.name
        for job_id, verdict, count, _last in verdicts:
            if label := labels.get(job_id):  # a job that has gone still counts in the totals
                yield f'{name}{{{label},verdict="{verdict}"}} {count}'

    def succeeding() -> Iterator[str]:
        name = names.JOB_LAST_SUCCESS.name
        for job_id, verdict, _count, last in verdicts:
            if verdict == succeeded and last is not None and (label := labels.get(job_id)):
                yield f"{name}{{{label}}} {last:.3f}"

    def coming() -> Iterator[str]:
        name = names.JOB_NEXT_RUN.name
        for job_id, moment in next_runs.items():
            if moment is not None and math.isfinite(moment):
                yield f"{name}{{{labels[job_id]}}} {number(moment)}"

    page.extend(names.JOB_EXECUTIONS, counted())
    page.extend(names.JOB_LAST_SUCCESS, succeeding())
    page.extend(names.JOB_NEXT_RUN, coming())


def _rows(statement: str, values: list[Any]) -> list[Any]:
    seconds = "EXTRACT(EPOCH FROM {0})::float8" if is_postgresql() else _JULIAN
    statement = statement.replace("seconds(last_at)", seconds.format("last_at"))
    statement = statement.replace("seconds(next_run_time)", seconds.format("next_run_time"))
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


_JULIAN = "ROUND((julianday({0}) - 2440587.5) * 86400.0, 3)"

_VERDICTS = (
    "SELECT subject, label, count, seconds(last_at) FROM jobs_tally "
    "WHERE metric = %s ORDER BY subject, label"
)
_VERDICTS_OF_ALL = (
    "SELECT '', label, SUM(count), NULL FROM jobs_tally WHERE metric = %s GROUP BY label"
)
_OTHERS = (
    "SELECT metric, subject, label, count, total FROM jobs_tally WHERE metric <> %s "
    "ORDER BY subject, label"
)
_NEXT_RUNS = (
    "SELECT j.id, seconds(next_run_time) FROM jobs_job j "
    "LEFT JOIN django_apscheduler_djangojob s ON s.id = j.id ORDER BY j.id"
)
