"""`JobExecution`: what became of one occurrence, or of one request to run now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jobs.models.once import MadeOnce

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class Status(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    TIMED_OUT = "timed_out", _("timed out")
    CANCELLED = "cancelled", _("cancelled")
    INTERRUPTED = "interrupted", _("interrupted")
    SKIPPED = "skipped", _("skipped")
    MISSED = "missed", _("missed")


UNFINISHED = (Status.QUEUED, Status.RUNNING)
UNSUCCESSFUL = tuple(status for status in Status if status not in (*UNFINISHED, Status.SUCCEEDED))
"""Verdicts that somebody may want to look for; few, unless something is wrong."""


class Source(models.TextChoices):
    SCHEDULE = "schedule", _("schedule")
    MANUAL = "manual", _("manual")
    RETRY = "retry", _("retry")


class LogLevel(models.IntegerChoices):
    DEBUG = 10, _("debug")
    INFO = 20, _("info")
    WARNING = 30, _("warning")
    ERROR = 40, _("error")
    CRITICAL = 50, _("critical")


class JobExecutionQuerySet(models.QuerySet["JobExecution"]):
    def unfinished(self) -> JobExecutionQuerySet:
        """Without a verdict."""
        return self.filter(status__in=UNFINISHED)

    def unreleased(self) -> JobExecutionQuerySet:
        """Holding a slot of their job, or waiting for one: what overlap is counted by.

        Few, with an index of their own, which SQLite does not use for an order by key.
        """
        return self.filter(released_at__isnull=True)

    def in_status(self, statuses: Collection[str]) -> JobExecutionQuerySet:
        """In one of the statuses, said in such a way that the indexes of the rare ones serve."""
        unfinished = [status for status in statuses if status in UNFINISHED]
        others = [status for status in statuses if status in UNSUCCESSFUL]
        found = Q(status__in=unfinished, released_at__isnull=True) | Q(status__in=others)
        if Status.SUCCEEDED in statuses:
            found |= Q(status=Status.SUCCEEDED)
        return self.filter(found)

    def finished_before(self, moment: datetime) -> JobExecutionQuerySet:
        return self.filter(finished_at__lt=moment, released_at__isnull=False)

    def visible_to(self, user: User | AnonymousUser) -> JobExecutionQuerySet:
        from jobs.models.rights import planned, visible_job_ids

        ids = visible_job_ids(user)
        return self if ids is None else self.filter(job_id__in=planned(ids))


class JobExecution(MadeOnce):
    """One row an occurrence (or a stretch of late ones), manual run or retry.

    It copies what it needs of its job, because it outlives it: the key has no database
    constraint, and finds its job again when one of that id comes back.
    """

    job = models.ForeignKey(
        "jobs.Job",
        verbose_name=_("job"),
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="executions",
    )
    job_name = models.CharField(_("job name"), max_length=200)
    function = models.CharField(_("function"), max_length=200)
    args = models.JSONField(_("positional arguments"), default=list)
    kwargs = models.JSONField(_("arguments"), default=dict)
    executor = models.CharField(_("executor"), max_length=20, default="threads")
    timeout_s = models.PositiveIntegerField(_("timeout (s)"), default=0)
    start_before = models.DateTimeField(
        _("start before"),
        null=True,
        help_text=_("Missed, if it has not been handed to a worker by then."),
    )

    start_after = models.DateTimeField(
        _("start after"), null=True, help_text=_("A retry waits until then.")
    )

    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    requested_by = models.CharField(
        _("requested by"), max_length=150, blank=True, default="", db_default=""
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1, db_default=1)
    retry_of = models.ForeignKey(
        "self",
        verbose_name=_("retry of"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="retries",
    )

    status = models.CharField(_("status"), max_length=12, choices=Status.choices)
    scheduled_for = models.DateTimeField(
        _("scheduled for"),
        help_text=_("The occurrence; of several that became one row, the last."),
    )
    first_scheduled_for = models.DateTimeField(
        _("first scheduled for"),
        null=True,
        help_text=_("Of several occurrences that became one row, the first."),
    )
    occurrence_count = models.PositiveIntegerField(
        _("occurrences"),
        default=1,
        help_text=_("How many occurrences this row stands for."),
    )
    is_count_capped = models.BooleanField(
        _("at least"),
        default=False,
        help_text=_("There were at least that many occurrences; counting stopped there."),
    )

    queued_at = models.DateTimeField(_("queued at"))
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    released_at = models.DateTimeField(
        _("released at"),
        null=True,
        help_text=_("When its slot was given back; later than the verdict if it ignored its end."),
    )
    duration_s = models.FloatField(_("duration (s)"), null=True)

    owner = models.CharField(
        _("scheduler"),
        max_length=32,
        blank=True,
        default="",
        help_text=_("The scheduler process that runs it."),
        db_default="",
    )
    epoch = models.PositiveBigIntegerField(
        _("epoch"),
        default=0,
        help_text=_("The lease's epoch at the hand-out: a fencing number."),
        db_default=0,
    )

    progress_done = models.FloatField(_("done"), null=True)
    progress_total = models.FloatField(_("of"), null=True)
    progress_message = models.CharField(
        _("progress"), max_length=500, blank=True, default="", db_default=""
    )
    cancel_requested_at = models.DateTimeField(_("cancel requested at"), null=True)
    cancel_requested_by = models.CharField(
        _("cancel requested by"),
        max_length=150,
        blank=True,
        default="",
        db_default="",
    )

    reason = models.TextField(
        _("reason"),
        blank=True,
        default="",
        help_text=_("The verdict in a sentence."),
        db_default="",
    )
    warning = models.TextField(_("warning"), blank=True, default="", db_default="")
    result = models.JSONField(_("result"), null=True, encoder=DjangoJSONEncoder)
    error = models.TextField(_("error"), blank=True, default="", db_default="")
    traceback = models.TextField(_("traceback"), blank=True, default="", db_default="")

    objects = JobExecutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("execution")
        verbose_name_plural = _("executions")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            # Invariant 3: an occurrence is claimed once, by any number of schedulers.
            models.UniqueConstraint(
                fields=["job", "scheduled_for"],
                condition=Q(source=Source.SCHEDULE, attempt=1),
                name="execution_occurrence_once",
            ),
            # A verdict that is written twice makes no second retry.
            models.UniqueConstraint(
                fields=["retry_of"], condition=Q(source=Source.RETRY), name="execution_retried_once"
            ),
            # A request that is sent twice makes one run. Partial, as nearly all rows have no key.
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="execution_asked_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="execution_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(status__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="execution_verdict_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=UNFINISHED) | Q(released_at__isnull=True),
                name="execution_unfinished_holds_its_slot",
            ),
        )
        indexes = (
            # The hand-out: `executions.hand_out`.
            models.Index(
                fields=["executor", "id"],
                condition=Q(status=Status.QUEUED),
                name="execution_waiting_idx",
            ),
            # When the next retry is due: `executions.claim.next_due`.
            models.Index(
                fields=["start_after"],
                condition=Q(status=Status.QUEUED, start_after__isnull=False),
                name="execution_start_after_idx",
            ),
            # The overlap count of a tick, and recovery after a crash.
            models.Index(
                fields=["job"],
                condition=Q(released_at__isnull=True),
                name="execution_unreleased_idx",
            ),
            # A job's last executions.
            models.Index(fields=["job", "-id"], name="execution_job_idx"),
            # The admin's list by verdict. Without the successes, of which every page of the
            # history has some; their many rows would make each verdict dearer to write.
            models.Index(
                fields=["status", "-id"],
                condition=Q(status__in=UNSUCCESSFUL),
                name="execution_unsuccessful_idx",
            ),
            # The admin's list by source, for the same reason without those of the schedule.
            models.Index(
                fields=["source", "-id"],
                condition=Q(source__in=(Source.MANUAL, Source.RETRY)),
                name="execution_asked_idx",
            ),
            # The attempts of a chain: `executions.chain`.
            models.Index(
                fields=["retry_of"],
                condition=Q(retry_of__isnull=False),
                name="execution_retry_of_idx",
            ),
            # The API's lists of one job's executions by verdict, and of what somebody asked for.
            models.Index(
                fields=["job", "status", "-id"],
                condition=Q(status__in=UNSUCCESSFUL),
                name="execution_job_verdict_idx",
            ),
            models.Index(
                fields=["requested_by", "-id"],
                condition=~Q(requested_by=""),
                name="execution_requested_idx",
            ),
            # What was asked for, or tried again, about a moment: `explain.evidence`. Those of the
            # schedule are found by the index of `execution_occurrence_once`.
            models.Index(
                fields=["job", "scheduled_for"],
                condition=~Q(source=Source.SCHEDULE),
                name="execution_asked_when_idx",
            ),
            # Retention, and health's last five minutes.
            models.Index(fields=["finished_at"], name="execution_finished_idx"),
        )

    def __str__(self) -> str:
        return f"{self.job_name} #{self.pk}"

    @property
    def is_finished(self) -> bool:
        """Has a verdict."""
        return self.status not in UNFINISHED

    @property
    def is_cancelling(self) -> bool:
        return self.status == Status.RUNNING and self.cancel_requested_at is not None

    @property
    def waited_s(self) -> float | None:
        """Seconds from the occurrence to the start; None when it never started."""
        if self.started_at is None:
            return None
        return (self.started_at - self.scheduled_for).total_seconds()


class ExecutionLog(models.Model):
    """What a run said: one line a row."""

    id = models.BigAutoField(primary_key=True)
    execution = models.ForeignKey(
        JobExecution,
        verbose_name=_("execution"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="logs",
    )
    at = models.DateTimeField(_("at"))
    level = models.PositiveSmallIntegerField(_("level"), choices=LogLevel.choices)
    logger = models.CharField(_("logger"), max_length=200, blank=True, default="")
    message = models.TextField(_("message"))

    class Meta:
        verbose_name = _("log line")
        verbose_name_plural = _("log lines")
        ordering = ("id",)
        default_permissions = ()
        indexes = (models.Index(fields=["execution", "id"], name="execution_log_idx"),)

    def __str__(self) -> str:
        return self.message
