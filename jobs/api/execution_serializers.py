"""Executions and their log lines as the API shows them, and what may be asked of the lists."""

from __future__ import annotations

from typing import TypedDict

from rest_framework import serializers

from jobs.api.paging import MAX_LIMIT
from jobs.api.shown import Moment, Shown
from jobs.api.strict import MAX_ID, Query, Whole
from jobs.models import ExecutionLog, JobExecution, LogLevel
from jobs.models.execution import JobExecutionQuerySet


class Progress(TypedDict):
    """What the task reported last; `total` is null where it does not know."""

    done: float
    total: float | None
    message: str


class ExecutionSerializer(Shown):
    """What is short enough for a list."""

    model = JobExecution

    id = serializers.IntegerField()
    job_id = serializers.CharField()
    job_name = serializers.CharField()
    function = serializers.CharField()
    args = serializers.JSONField()
    kwargs = serializers.JSONField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field, as all here
    requested_by = serializers.CharField()
    attempt = serializers.IntegerField()
    retry_of = serializers.IntegerField(source="retry_of_id")
    status = serializers.CharField()
    scheduled_for = Moment()
    first_scheduled_for = Moment()
    occurrence_count = serializers.IntegerField()
    is_count_capped = serializers.BooleanField()
    queued_at = Moment()
    start_after = Moment()
    started_at = Moment()
    finished_at = Moment()
    duration_s = serializers.FloatField()
    waited_s = serializers.FloatField(allow_null=True)
    progress = serializers.SerializerMethodField()
    is_cancelling = serializers.BooleanField()
    reason = serializers.CharField()
    warning = serializers.CharField()
    error = serializers.CharField()

    def get_progress(self, execution: JobExecution) -> Progress | None:
        if execution.progress_done is None:
            return None
        return Progress(
            done=execution.progress_done,
            total=execution.progress_total,
            message=execution.progress_message,
        )


class ExecutionDetailSerializer(ExecutionSerializer):
    executor = serializers.CharField()
    timeout_s = serializers.IntegerField()
    start_before = Moment()
    released_at = Moment()
    scheduler = serializers.CharField(source="owner")
    epoch = serializers.IntegerField()
    cancel_requested_at = Moment()
    cancel_requested_by = serializers.CharField()
    result = serializers.JSONField()
    traceback = serializers.CharField()


class LogLineSerializer(Shown):
    model = ExecutionLog

    id = serializers.IntegerField()
    at = Moment()
    level = serializers.SerializerMethodField()
    logger = serializers.CharField()
    message = serializers.CharField()

    def get_level(self, line: ExecutionLog) -> str:
        return LogLevel(line.level).name.lower() if line.level in LogLevel else str(line.level)


class LogMeta(TypedDict):
    """`status` and `is_finished` are the execution's."""

    next_after: int
    status: str
    is_finished: bool


class LogQuery(Query):
    """Oldest first; the next page is `after` the last id of this one."""

    after = Whole(default=0, min_value=0, max_value=MAX_ID)
    limit = Whole(default=MAX_LIMIT, min_value=1, max_value=MAX_LIMIT)


def summaries(executions: JobExecutionQuerySet) -> JobExecutionQuerySet:
    """Newest first, without the columns that may be large."""
    return executions.order_by("-id").defer("result", "traceback")
