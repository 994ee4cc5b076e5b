"""Who leads, who lives, and the number that tells the leader that something has changed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Revision(models.Model):
    """One row (id 1) whose number grows with every change that the scheduler must notice."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(null=True, help_text=_("When it was last raised."))
    has_alert_rules = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether verdicts are noted for alerts; read with the number, as it stands."),
    )

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        default_permissions = ()
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="revision_single_row"),
        )

    def __str__(self) -> str:
        return str(self.number)


class SchedulerLease(models.Model):
    """One row (id 1): the process that leads. `epoch` grows with every change of leader.

    No time is compared here, so clocks need not agree: a standby takes the lease over when
    the holder's heartbeat has not moved for one TTL of the standby's own monotonic clock.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    holder = models.CharField(max_length=32, blank=True, default="")
    epoch = models.PositiveBigIntegerField(default=0)
    acquired_at = models.DateTimeField(null=True)
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text=_("The default zone in which the next runs were worked out."),
    )

    class Meta:
        verbose_name = _("scheduler lease")
        verbose_name_plural = _("scheduler leases")
        default_permissions = ()
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="lease_single_row"),)

    def __str__(self) -> str:
        return self.holder


class LeaderTerm(models.Model):
    """From when to when a process led, so that it can be told later why nothing ran.

    `ended_at` is when it gave the lease back, or was last heard of: that is written by whoever
    took over. Null: it leads, or nobody has taken over from it.
    """

    epoch = models.PositiveBigIntegerField()
    process = models.CharField(max_length=32)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("leader's term")
        verbose_name_plural = _("leaders' terms")
        ordering = ("-id",)
        default_permissions = ()
        indexes = (
            # Who led at a moment: `explain.leaders`.
            models.Index(fields=["began_at"], name="term_began_idx"),
            # Retention.
            models.Index(fields=["ended_at"], name="term_ended_idx"),
        )

    def __str__(self) -> str:
        return f"{self.host}, pid {self.pid}, epoch {self.epoch}"


class SchedulerProcessQuerySet(models.QuerySet["SchedulerProcess"]):
    def alive(self) -> SchedulerProcessQuerySet:
        """Neither stopped nor found dead."""
        return self.filter(stopped_at__isnull=True)


class SchedulerProcess(models.Model):
    """A `runscheduler` process and its heartbeat; `stopped_at` once it ended or was found dead."""

    id = models.CharField(primary_key=True, max_length=32)
    host = models.CharField(max_length=255)
    host_id = models.CharField(
        max_length=100,
        help_text=_("Boot and process namespace: where a pid means the same process."),
    )
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat = models.PositiveBigIntegerField(default=0)
    beat_at = models.DateTimeField()
    counted = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text=_("The number of the last batch of counts that it has added to the tallies."),
    )
    ttl_s = models.FloatField()
    stopped_at = models.DateTimeField(null=True)
    figures = models.JSONField(default=dict, help_text=_("For health, as of the last heartbeat."))

    objects = SchedulerProcessQuerySet.as_manager()

    # Set by `Membership.look_around`.
    leads: bool

    class Meta:
        verbose_name = _("scheduler process")
        verbose_name_plural = _("scheduler processes")
        ordering = ("-started_at",)
        default_permissions = ()
        indexes = (
            models.Index(
                fields=["id"],
                condition=models.Q(stopped_at__isnull=True),
                name="process_alive_idx",
            ),
        )

    def __str__(self) -> str:
        return f"{self.host}, pid {self.pid}"
