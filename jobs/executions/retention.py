"""Retention: the only thing that deletes history, in batches that do not hold anybody up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from jobs.models.execution import ExecutionLog, JobExecution

BATCH = 5000
"""Rows, executions and log lines together, that one transaction deletes at most."""


def count_expired(before: datetime) -> int:
    return JobExecution.objects.finished_before(before).count()


def delete_expired(before: datetime) -> Iterator[tuple[int, int]]:
    """Delete executions that ended before `before`, and their logs.

    Yields (executions, log lines) deleted after each transaction, so that the caller can
    report, and stop, between them.
    """
    while True:
        with transaction.atomic():
            deleted = _delete_batch(before)
        if deleted == (0, 0):
            return
        yield deleted


def _delete_batch(before: datetime) -> tuple[int, int]:
    expired = JobExecution.objects.finished_before(before).order_by("finished_at")
    ids = list(expired.values_list("pk", flat=True)[: BATCH // 2])
    if not ids:
        return 0, 0
    lines = ExecutionLog.objects.filter(execution_id__in=ids).order_by()
    line_ids = list(lines.values_list("pk", flat=True)[: BATCH // 2])
    gone_lines = _delete(ExecutionLog.objects.filter(pk__in=line_ids)) if line_ids else 0
    if len(line_ids) == BATCH // 2:
        return 0, gone_lines  # their executions go when the last of the lines has gone
    return _delete(JobExecution.objects.filter(pk__in=ids)), gone_lines


def _delete(rows: QuerySet[Any]) -> int:
    """One statement: nothing cascades from these rows, so nothing has to be looked up."""
    return rows._raw_delete(using=rows.db)
