"""Alerts: who is told of what, what goes wrong now, and what was sent of it.

`AlertEvent` is the outbox: a verdict that may matter, written in the transaction of the verdict
and taken out once it was judged. An `AlertIncident` is what a rule found wrong with one job, from
the first verdict to the success that ends it. An `AlertNotice` is one thing that one channel is
to be told, and an `AlertMessage` what it was told at one moment.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jobs.models.execution import Status

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

MAX_THRESHOLD = 100
MIN_DURATION_S, MAX_DURATION_S = 10, 366 * 24 * 3600
NAME_LENGTH = 100


class Kind(models.TextChoices):
    """What a rule waits for."""

    TROUBLE = "trouble", _("failed, timed out, interrupted or missed")
    FAILED = "failed", _("failed")
    TIMED_OUT = "timed_out", _("timed out")
    INTERRUPTED = "interrupted", _("interrupted")
    MISSED = "missed", _("missed")
    RUNNING_LONG = "running_long", _("running longer than")
    NO_SUCCESS = "no_success", _("no success since")


TROUBLES = frozenset({Status.FAILED, Status.TIMED_OUT, Status.INTERRUPTED, Status.MISSED})
"""Verdicts that rules may wait for."""

TIMED = (Kind.NO_SUCCESS, Kind.RUNNING_LONG)
"""Kinds that wait for a time to pass, and not for verdicts."""


class AlertChannel(models.Model):
    """A way to reach somebody: an address as `apprise` reads it, encrypted, as it holds secrets.

    Nothing shows it again; `shown` is what is left of it without them.
    """

    name = models.CharField(_("name"), max_length=NAME_LENGTH, unique=True)
    url_encrypted = models.TextField(editable=False)
    shown = models.CharField(_("address"), max_length=300, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    last_sent_at = models.DateTimeField(_("last sent"), null=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True, default="", editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")
        ordering = ("name",)
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        """Whether the last message could not be delivered."""
        return self.last_error != ""


class AlertRule(models.Model):
    """Which jobs, what is wrong with them, and which channels are told."""

    name = models.CharField(_("name"), max_length=NAME_LENGTH, unique=True)
    pattern = models.CharField(
        _("jobs"),
        max_length=100,
        default="*",
        help_text=_("The id of a job, or a pattern of ids such as etl-*; * stands for all jobs."),
    )
    kind = models.CharField(_("when"), max_length=12, choices=Kind.choices, default=Kind.TROUBLE)
    threshold = models.PositiveSmallIntegerField(
        _("times in a row"),
        default=1,
        help_text=_("Tell after so many such verdicts without a success between."),
    )
    duration_s = models.PositiveIntegerField(
        _("duration (s)"),
        null=True,
        blank=True,
        help_text=_("For runs that take longer, and for jobs that had no success for so long."),
    )
    channels = models.ManyToManyField(
        AlertChannel, verbose_name=_("channels"), related_name="rules"
    )
    tells_recovery = models.BooleanField(
        _("tell of the recovery"), default=True, help_text=_("When the job has succeeded again.")
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    changed_at = models.DateTimeField(_("changed at"), editable=False)

    class Meta:
        verbose_name = _("alert rule")
        verbose_name_plural = _("alert rules")
        ordering = ("name",)
        default_permissions = ()
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="alert_rule_kind_known"),
            models.CheckConstraint(
                condition=Q(kind__in=TIMED, duration_s__isnull=False)
                | (~Q(kind__in=TIMED) & Q(duration_s__isnull=True)),
                name="alert_rule_duration_if_timed",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=1), name="alert_rule_threshold_positive"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_timed(self) -> bool:
        return self.kind in TIMED

    @property
    def duration(self) -> timedelta:
        return timedelta(seconds=self.duration_s or 0)

    def matches(self, job_id: str) -> bool:
        return _compiled(self.pattern).match(job_id) is not None

    def covers(self, status: str) -> bool:
        """Whether it waits for that verdict."""
        return status in TROUBLES if self.kind == Kind.TROUBLE else status == self.kind


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


class AlertEvent(models.Model):
    """A verdict that no rule has judged yet; see `jobs.executions.outbox`."""

    execution_id = models.BigIntegerField()
    job_id = models.CharField(max_length=100)
    status = models.CharField(max_length=12)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = (
            # Whether a success ends something that is yet to be judged.
            models.Index(fields=["job_id"], name="alert_event_job_idx"),
        )

    def __str__(self) -> str:
        return f"{self.job_id} {self.status}"


class AlertIncidentQuerySet(models.QuerySet["AlertIncident"]):
    def unresolved(self) -> AlertIncidentQuerySet:
        """Not over, whether anybody was told of it or the verdicts are still being counted."""
        return self.filter(closed_at__isnull=True)

    def opened(self) -> AlertIncidentQuerySet:
        """What was worth telling."""
        return self.filter(opened_at__isnull=False)

    def visible_to(self, user: User | AnonymousUser) -> AlertIncidentQuerySet:
        from jobs.models.rights import planned, visible_job_ids

        ids = visible_job_ids(user)
        return self if ids is None else self.filter(job_id__in=planned(ids))


class AlertIncident(models.Model):
    """What one rule found wrong with one job. It is told once when it opens, and once when it
    closes; what happens in between is counted.

    It copies what it needs, because it outlives rule, job and execution.
    """

    rule = models.ForeignKey(
        AlertRule,
        verbose_name=_("rule"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="incidents",
    )
    rule_name = models.CharField(_("rule"), max_length=NAME_LENGTH)
    kind = models.CharField(_("what"), max_length=12, choices=Kind.choices)
    job_id = models.CharField(_("job"), max_length=100)
    job_name = models.CharField(_("job name"), max_length=200, blank=True, default="")
    began_at = models.DateTimeField(_("began"))
    last_at = models.DateTimeField(_("last seen"))
    opened_at = models.DateTimeField(
        _("opened"), null=True, help_text=_("None while there are too few verdicts in a row.")
    )
    closed_at = models.DateTimeField(_("closed"), null=True)
    count = models.PositiveIntegerField(_("in a row"), default=0)
    status = models.CharField(_("verdict"), max_length=12, blank=True, default="")
    execution_id = models.BigIntegerField(
        _("execution"), null=True, help_text=_("The last one that counted.")
    )
    recovery_id = models.BigIntegerField(
        _("recovered by"), null=True, help_text=_("The execution that succeeded.")
    )

    objects = AlertIncidentQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert incident")
        verbose_name_plural = _("alert incidents")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            # Also how a success finds out whether it ends anything: `executions.outbox`.
            models.UniqueConstraint(
                fields=["job_id", "rule"],
                condition=Q(closed_at__isnull=True),
                name="alert_incident_once",
            ),
        )
        indexes = (
            models.Index(fields=["closed_at"], name="alert_incident_closed_idx"),
            models.Index(fields=["job_id", "-id"], name="alert_incident_job_idx"),
        )

    def __str__(self) -> str:
        return f"{self.job_id}: {self.get_kind_display()}"

    @property
    def is_open(self) -> bool:
        """Somebody was told, and it is not over."""
        return self.opened_at is not None and self.closed_at is None


class AlertMessage(models.Model):
    """What a channel is told at one moment, of any number of incidents.

    A channel has one unsent message at most: what comes while it waits to be tried again is
    told with it.
    """

    channel = models.ForeignKey(
        AlertChannel,
        verbose_name=_("channel"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="messages",
    )
    channel_name = models.CharField(_("channel"), max_length=NAME_LENGTH)
    created_at = models.DateTimeField(_("created"))
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    body = models.TextField(_("text"), blank=True, default="")
    notices = models.PositiveIntegerField(
        _("notices"), default=0, help_text=_("How many incidents it tells of.")
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    gave_up_at = models.DateTimeField(_("given up"), null=True)
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        verbose_name = _("alert message")
        verbose_name_plural = _("alert messages")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["channel"],
                condition=Q(sent_at__isnull=True, gave_up_at__isnull=True),
                name="alert_message_one_unsent",
            ),
        )
        indexes = (
            # How many a channel got within the last minute.
            models.Index(fields=["channel", "created_at"], name="alert_message_pace_idx"),
            models.Index(fields=["created_at"], name="alert_message_created_idx"),
        )

    def __str__(self) -> str:
        return self.subject

    @property
    def is_waiting(self) -> bool:
        return self.sent_at is None and self.gave_up_at is None


class AlertNotice(models.Model):
    """One thing that one channel is to be told: that an incident opened, or that it is over."""

    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="+")
    incident = models.ForeignKey(AlertIncident, on_delete=models.CASCADE, related_name="notices")
    is_recovery = models.BooleanField(default=False)
    at = models.DateTimeField()
    message = models.ForeignKey(
        AlertMessage, null=True, on_delete=models.CASCADE, related_name="told"
    )

    class Meta:
        default_permissions = ()
        indexes = (
            # What is not in a message yet: `alerts.post`.
            models.Index(
                fields=["channel"], condition=Q(message__isnull=True), name="alert_notice_new_idx"
            ),
        )

    def __str__(self) -> str:
        return f"{self.incident_id} {'recovery' if self.is_recovery else 'opening'}"
