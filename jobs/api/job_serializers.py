"""Jobs as the API shows them, and what may be asked of the list."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, TypedDict, cast
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.api.execution_serializers import ExecutionSerializer, summaries
from jobs.api.shown import Moment, Shown
from jobs.api.strict import Flag, Strict
from jobs.control.schedule import trigger_of
from jobs.errors import SchedulerError
from jobs.executions.job_rows import JobRow
from jobs.models import Job, JobExecution, JobState
from jobs.registry import Policies, RetryPolicies, inherited_policies
from jobs.triggers import preview

NEXT_OCCURRENCES = 5
LAST_EXECUTIONS = 20
POLICY_NAMES = tuple(field.name for kind in (Policies, RetryPolicies) for field in fields(kind))
OWN_POLICIES = attrgetter(*POLICY_NAMES)


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


class LastExecutionSerializer(Shown):
    model = JobExecution

    id = serializers.IntegerField()
    status = serializers.CharField()
    started_at = Moment()
    duration_s = serializers.FloatField()


class JobSerializer(Shown):
    """A job, when it is due, and its last run."""

    # Of a `JobRow`.

    model = Job

    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    function = serializers.CharField()
    args = serializers.JSONField()
    kwargs = serializers.JSONField()
    trigger_type = serializers.CharField()
    trigger_params = serializers.JSONField()
    trigger_text = serializers.CharField()
    timezone = serializers.CharField(source="zone_name")
    executor = serializers.CharField()
    policies = serializers.SerializerMethodField()
    enabled = serializers.BooleanField(source="is_enabled")
    is_builtin = serializers.BooleanField()
    state = serializers.ChoiceField(JobState.choices)
    problem = serializers.CharField()
    paused_until = Moment()
    next_run_time = Moment(allow_null=True)
    running = serializers.IntegerField(
        help_text=_("How many executions hold a slot of the job, or wait for one.")
    )
    last_execution = LastExecutionSerializer(allow_null=True, read_only=True)
    version = serializers.IntegerField()
    created_at = Moment()
    updated_at = Moment()

    def get_policies(self, job: JobRow) -> JobPolicies:
        own = dict(zip(POLICY_NAMES, OWN_POLICIES(job), strict=True))
        effective = inherited_policies(job.function)
        effective |= {name: value for name, value in own.items() if value is not None}
        return {"own": cast(OwnPolicies, own), "effective": cast(EffectivePolicies, effective)}


class JobDetailSerializer(JobSerializer):
    """One job, with what comes and what was."""

    next_occurrences = serializers.SerializerMethodField()
    last_executions = serializers.SerializerMethodField()

    def get_next_occurrences(self, job: JobRow) -> list[datetime]:
        """None for a job that stands still; the first is when it runs next."""
        if job.next_run_time is None:
            return []
        following: list[datetime] = []
        with suppress(SchedulerError):  # it broke just now, and is marked at its next run
            following = preview(trigger_of(job), NEXT_OCCURRENCES - 1, now=job.next_run_time)
        return [job.next_run_time.astimezone(UTC), *following]

    @extend_schema_field(ExecutionSerializer(many=True))
    def get_last_executions(self, job: JobRow) -> list[Any]:
        rows = summaries(JobExecution.objects.filter(job_id=job.id))
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
