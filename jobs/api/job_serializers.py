"""Jobs as the API shows them, and what may be asked of the list."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypedDict, cast
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.api.execution_serializers import ExecutionSerializer, Moment, summaries
from jobs.api.strict import Flag, Strict
from jobs.control.schedule import trigger_of
from jobs.errors import SchedulerError
from jobs.executions.database import database_clock
from jobs.models import Job, JobExecution, JobState
from jobs.models.job import JobQuerySet
from jobs.registry import policies_of, retry_policies_of
from jobs.triggers import describe, preview

NEXT_OCCURRENCES = 5
LAST_EXECUTIONS = 20


class OwnPolicies(TypedDict):
    """Where null, the job inherits what its function or the settings say."""

    coalesce: bool | None
    max_instances: int | None
    misfire_grace_time: int | None
    timeout: int | None
    max_retries: int | None
    retry_delay: int | None
    retry_backoff: float | None
    rerun_if_interrupted: bool | None


class EffectivePolicies(TypedDict):
    """What holds in the end; seconds, 0 for no limit."""

    coalesce: bool
    max_instances: int
    misfire_grace_time: int
    timeout: int
    max_retries: int
    retry_delay: int
    retry_backoff: float
    rerun_if_interrupted: bool


class JobPolicies(TypedDict):
    own: OwnPolicies
    effective: EffectivePolicies


class LastExecutionSerializer(serializers.Serializer[Any]):
    model = JobExecution

    id = serializers.IntegerField()
    status = serializers.CharField()
    started_at = Moment()
    duration_s = serializers.FloatField()


class JobSerializer(serializers.Serializer[Any]):
    """Reads jobs from `annotated`; the context holds their `last_executions` by job id."""

    model = Job

    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    function = serializers.CharField()
    args = serializers.JSONField()
    kwargs = serializers.JSONField()
    trigger_type = serializers.CharField()
    trigger_params = serializers.JSONField()
    trigger_text = serializers.SerializerMethodField()
    timezone = serializers.CharField(source="zone_name")
    executor = serializers.CharField()
    policies = serializers.SerializerMethodField()
    enabled = serializers.BooleanField(source="is_enabled")
    is_builtin = serializers.BooleanField()
    state = serializers.ChoiceField(JobState.choices)
    problem = serializers.CharField()
    paused_until = Moment()
    next_run_time = Moment(allow_null=True)
    running = serializers.SerializerMethodField()
    last_execution = serializers.SerializerMethodField()
    version = serializers.IntegerField()
    created_at = Moment()
    updated_at = Moment()

    def get_trigger_text(self, job: Job) -> str:
        return describe(job.trigger_type, job.trigger_params, job.zone_name)

    def get_policies(self, job: Job) -> JobPolicies:
        effective = {**asdict(policies_of(job)), **asdict(retry_policies_of(job))}
        own = {name: getattr(job, name) for name in effective}
        return {"own": cast(OwnPolicies, own), "effective": cast(EffectivePolicies, effective)}

    def get_running(self, job: Job) -> int:
        """How many executions hold a slot of the job, or wait for one."""
        return job.running or 0

    @extend_schema_field(LastExecutionSerializer(allow_null=True))
    def get_last_execution(self, job: Job) -> dict[str, Any] | None:
        last = self.context["last_executions"].get(job.pk)
        return LastExecutionSerializer(last).data if last else None


class JobDetailSerializer(JobSerializer):
    """One job, with what comes and what was."""

    next_occurrences = serializers.SerializerMethodField()
    last_executions = serializers.SerializerMethodField()

    def get_next_occurrences(self, job: Job) -> list[datetime]:
        """None for a job that stands still; the first is when it runs next."""
        if job.next_run_time is None:
            return []
        following: list[datetime] = []
        with suppress(SchedulerError):  # it broke just now, and is marked at its next run
            following = preview(trigger_of(job), NEXT_OCCURRENCES - 1, now=job.next_run_time)
        return [job.next_run_time.astimezone(UTC), *following]

    @extend_schema_field(ExecutionSerializer(many=True))
    def get_last_executions(self, job: Job) -> list[Any]:
        rows = summaries(JobExecution.objects.filter(job_id=job.pk))
        return list(ExecutionSerializer(rows[:LAST_EXECUTIONS], many=True).data)


class MomentInZone(serializers.DateTimeField):
    """A moment that is in the zone of the context where it has no offset."""

    def default_timezone(self) -> ZoneInfo:
        zone: ZoneInfo = self.context["zone"]
        return zone


class PauseBody(Strict):
    """`until` without an offset is in the job's zone, which the context holds as `zone`."""

    until = MomentInZone(required=False, allow_null=True, default=None)


class RunBody(Strict):
    kwargs = serializers.DictField(required=False)
    force = Flag(default=False)


def annotated(jobs: JobQuerySet) -> JobQuerySet:
    """Jobs with their schedule as of now, and with the id of their last execution."""
    latest = JobExecution.objects.filter(job_id=OuterRef("pk")).order_by("-id").values("pk")[:1]
    return (
        jobs.with_schedule(database_clock())
        .with_running()
        .annotate(last_execution_id=Subquery(latest))
    )


def last_executions(jobs: Iterable[Job]) -> dict[str | None, JobExecution]:
    """The last execution of each of the `annotated` jobs, by job id; one query."""
    ids = [job.last_execution_id for job in jobs]  # type: ignore[attr-defined]  # annotated
    rows = JobExecution.objects.filter(pk__in=ids)
    shown = rows.only("id", "job_id", "status", "started_at", "duration_s")
    return {row.job_id: row for row in shown}
