"""`Job`: which task, when, with which arguments, under which rules.

A job is two rows of one id: this one, and `django_apscheduler.DjangoJob`, which holds
`next_run_time` and nothing else that counts. Only `jobs.control` writes either.
"""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone as django_timezone
from django.utils.translation import gettext_lazy as _
from django_apscheduler.models import DjangoJob

from jobs.models.once import MadeOnce
from jobs.triggers import TriggerType

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

BUILTIN_IDS = frozenset(
    {
        "sync_accounts",
        "cleanup_logs",
        "monitor_partition_health",
        "collect_database_sizes",
        "calculate_database_size_aggregations",
    }
)
"""Jobs that cannot be deleted, and of which only trigger, switch and policies can change."""

RESERVED_IDS = frozenset({"reload", "export", "by-func"})
"""Words that stand in the API's paths where an id would."""

ID_PATTERN = r"[A-Za-z0-9_.-]{1,100}"

MAX_POLICY_SECONDS = 10 * 365 * 24 * 3600
MAX_INSTANCES_LIMIT = 1000
MAX_RETRIES_LIMIT = 100
MAX_BACKOFF = 10.0


class JobState(models.TextChoices):
    """What stands between a job and its next run; exactly one at a time, in this order."""

    DISABLED = "disabled", _("disabled")
    PAUSED = "paused", _("paused")
    BROKEN = "broken", _("broken")
    FINISHED = "finished", _("finished")
    SCHEDULED = "scheduled", _("scheduled")


def _state(now: datetime | Combinable, *, is_armed: Q) -> Case:
    return Case(
        When(is_enabled=False, then=Value(JobState.DISABLED.value)),
        When(Job.paused_condition(now), then=Value(JobState.PAUSED.value)),
        When(~Q(problem=""), then=Value(JobState.BROKEN.value)),
        When(is_armed, then=Value(JobState.SCHEDULED.value)),
        default=Value(JobState.FINISHED.value),
        output_field=models.CharField(),
    )


class JobQuerySet(models.QuerySet["Job"]):
    def with_schedule(self, now: datetime | Combinable) -> JobQuerySet:
        """Annotate `next_run_time` and `state` (a `JobState`), the latter as of `now`."""
        state = _state(now, is_armed=Q(("next_run_time__isnull", False)))
        # As dictionaries, because mypy's plugin would see the declared attributes defined twice.
        return self.with_next_run().annotate(**{"state": state})  # noqa: PIE804

    def count_by_state(self, now: datetime | Combinable) -> dict[str, int]:
        """How many are in each state that any is in, as of `now`."""
        return dict(self.by_state(now).annotate(n=Count("pk")))

    def by_state(self, now: datetime | Combinable) -> models.QuerySet[Any, Any]:
        """Rows of the states that any is in, to be annotated with what is counted of each.

        Quicker by far on PostgreSQL than by `with_schedule`, which looks each schedule up.
        """
        armed = DjangoJob.objects.filter(next_run_time__isnull=False).values("pk")
        rows: Any = self.order_by().annotate(stands=_state(now, is_armed=Q(pk__in=armed)))
        found: models.QuerySet[Any, Any] = rows.values_list("stands")
        return found

    def with_next_run(self) -> JobQuerySet:
        """Annotate `next_run_time` (UTC, or None)."""
        schedule = DjangoJob.objects.filter(pk=OuterRef("pk")).values("next_run_time")[:1]
        return self.annotate(**{"next_run_time": Subquery(schedule)})  # noqa: PIE804

    def with_running(self) -> JobQuerySet:
        """Annotate `running`: how many executions hold a slot or wait for one."""
        from jobs.models.execution import JobExecution

        unreleased = (
            JobExecution.objects.unreleased()
            .filter(job_id=OuterRef("pk"))
            .order_by()
            .values("job_id")
            .annotate(n=Count("*"))
            .values("n")
        )
        running = Subquery(unreleased, output_field=models.IntegerField())
        return self.annotate(**{"running": running})  # noqa: PIE804  as in with_schedule

    def in_state(self, *states: str) -> JobQuerySet:
        """Of rows `with_schedule`: those in one of the states."""
        return self.filter(Q(("state__in", states)))

    def armed(self) -> JobQuerySet:
        """Of rows `with_schedule`: those with a next run, the soonest first."""
        return self.filter(Q(("next_run_time__isnull", False))).order_by(
            F("next_run_time").asc(), "pk"
        )

    def due(self, now: datetime) -> JobQuerySet:
        """Of rows `with_schedule`: those whose next run has come, the soonest first."""
        return self.armed().filter(Q(("next_run_time__lte", now)))

    def visible_to(self, user: User | AnonymousUser) -> JobQuerySet:
        """Jobs on which the user has the view right, by model, group or object."""
        from jobs.models.rights import visible_job_ids

        ids = visible_job_ids(user)
        return self if ids is None else self.filter(pk__in=ids)


class Job(MadeOnce):
    """A job definition. Null policies inherit the defaults of the settings."""

    id = models.CharField(
        _("id"),
        primary_key=True,
        max_length=100,
        validators=[
            RegexValidator(
                rf"\A{ID_PATTERN}\Z",
                _("Use 1 to 100 letters, digits, dots, dashes or underscores."),
            )
        ],
        help_text=_("1 to 100 letters, digits, dots, dashes or underscores; fixed once saved."),
    )
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    function = models.CharField(_("function"), max_length=200)
    args = models.JSONField(_("positional arguments"), default=list, blank=True)
    kwargs = models.JSONField(_("arguments"), default=dict, blank=True)

    trigger_type = models.CharField(
        _("trigger"),
        max_length=10,
        choices=[
            (TriggerType.CRON.value, _("cron")),
            (TriggerType.INTERVAL.value, _("interval")),
            (TriggerType.DATE.value, _("date")),
        ],
    )
    trigger_params = models.JSONField(_("trigger parameters"), default=dict)
    timezone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        default="",
        help_text=_("Of the trigger, as in Europe/Berlin. Empty: the server's default zone."),
    )
    anchor = models.DateTimeField(
        _("anchor"),
        editable=False,
        help_text=_("Where an interval counts from: when the trigger was last changed."),
    )

    executor = models.CharField(_("executor"), max_length=20, default="threads")
    coalesce = models.BooleanField(
        _("coalesce"),
        null=True,
        blank=True,
        help_text=_("Run once for several occurrences that are due at the same time."),
    )
    max_instances = models.PositiveIntegerField(
        _("max instances"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_INSTANCES_LIMIT)],
        help_text=_("How many runs of this job may go on at the same time."),
    )
    misfire_grace_time = models.PositiveIntegerField(
        _("misfire grace time"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_POLICY_SECONDS)],
        help_text=_("Seconds by which a run may start late; later it is missed. 0: no limit."),
    )
    timeout = models.PositiveIntegerField(
        _("timeout"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_POLICY_SECONDS)],
        help_text=_("Seconds after which a run is ended as timed out. 0: no limit."),
    )
    max_retries = models.PositiveSmallIntegerField(
        _("max retries"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_RETRIES_LIMIT)],
        help_text=_("How often a run that failed or timed out is tried again."),
    )
    retry_delay = models.PositiveIntegerField(
        _("retry delay"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_POLICY_SECONDS)],
        help_text=_("Seconds until the first retry."),
    )
    retry_backoff = models.FloatField(
        _("retry backoff"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1.0), MaxValueValidator(MAX_BACKOFF)],
        help_text=_("The delay before each further retry is that many times the one before."),
    )
    rerun_if_interrupted = models.BooleanField(
        _("rerun if interrupted"),
        null=True,
        blank=True,
        help_text=_("Run again, from the start, when the scheduler died during a run."),
    )

    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_paused = models.BooleanField(_("paused"), default=False)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    problem = models.TextField(
        _("problem"),
        blank=True,
        default="",
        editable=False,
        help_text=_("Why this job cannot run."),
    )

    version = models.PositiveBigIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), default=django_timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=django_timezone.now, editable=False)

    objects = JobQuerySet.as_manager()

    # Set by `with_schedule` and `with_running`.
    next_run_time: datetime | None
    state: str
    running: int | None

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("id",)
        default_permissions = ("view",)
        permissions = (
            ("run_job", _("Can run job")),
            ("manage_job", _("Can manage job")),
        )
        constraints = (
            models.CheckConstraint(condition=~Q(id=""), name="job_id_not_empty"),
            models.CheckConstraint(
                condition=Q(trigger_type__in=[t.value for t in TriggerType]),
                name="job_trigger_type_known",
            ),
            models.CheckConstraint(
                condition=Q(max_instances__isnull=True)
                | Q(max_instances__range=(1, MAX_INSTANCES_LIMIT)),
                name="job_max_instances_in_range",
            ),
            models.CheckConstraint(
                condition=Q(is_paused=True) | Q(paused_until__isnull=True),
                name="job_paused_until_only_when_paused",
            ),
            # A request that is sent twice makes one job.
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="job_asked_once",
            ),
        )
        indexes = (
            # `control.find_broken` and the admin's filter.
            models.Index(fields=["id"], condition=~Q(problem=""), name="job_broken_idx"),
        )

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def paused_condition(now: datetime | Combinable) -> Q:
        return Q(is_paused=True) & (Q(paused_until__isnull=True) | Q(paused_until__gt=now))

    @property
    def is_builtin(self) -> bool:
        return self.id in BUILTIN_IDS

    @property
    def zone_name(self) -> str:
        """The trigger's zone: the job's own, or the server's default."""
        return self.timezone or django_timezone.get_default_timezone_name()

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone_name)

    def is_paused_at(self, now: datetime) -> bool:
        return self.is_paused and (self.paused_until is None or self.paused_until > now)

    def state_at(self, now: datetime, next_run_time: datetime | None) -> JobState:
        """The same answer as `with_schedule` gives, for a row in memory."""
        return state_of(self, now, next_run_time)


class HasState(Protocol):
    """A job as a row of whatever kind holds it."""

    is_enabled: bool
    is_paused: bool
    paused_until: datetime | None
    problem: str


def state_of(job: HasState, now: datetime, next_run_time: datetime | None) -> JobState:
    if not job.is_enabled:
        return JobState.DISABLED
    if job.is_paused and (job.paused_until is None or job.paused_until > now):
        return JobState.PAUSED
    if job.problem:
        return JobState.BROKEN
    return JobState.FINISHED if next_run_time is None else JobState.SCHEDULED
