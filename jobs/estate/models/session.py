"""`SyncSession`: one pass of a sync over the instances."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Category(models.TextChoices):
    ACCOUNT = "account", _("accounts")
    CAPACITY = "capacity", _("capacity")
    AGGREGATION = "aggregation", _("aggregation")
    PARTITION = "partition", _("partitions")


class Source(models.TextChoices):
    SCHEDULED = "scheduled", _("scheduled")
    MANUAL = "manual", _("manual")


class SessionStatus(models.TextChoices):
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    PARTIAL = "partial", _("partial")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class SyncSession(models.Model):
    """Completed when every record is, failed when none is, partial between."""

    category = models.CharField(_("category"), max_length=20, choices=Category.choices)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    requested_by = models.CharField(_("requested by"), max_length=150, blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=SessionStatus.choices, default=SessionStatus.RUNNING
    )
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    instances_total = models.PositiveIntegerField(_("instances"), default=0)
    instances_completed = models.PositiveIntegerField(_("completed"), default=0)
    instances_failed = models.PositiveIntegerField(_("failed"), default=0)
    totals = models.JSONField(
        _("totals"), default=dict, help_text=_("Of the records, as their category counts.")
    )
    error = models.TextField(_("error"), blank=True, default="")
    execution = models.ForeignKey(
        "jobs.JobExecution",
        verbose_name=_("execution"),
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="sync_sessions",
        help_text=_("The run that it was part of, which may have been cleared away since."),
    )

    class Meta:
        verbose_name = _("sync session")
        verbose_name_plural = _("sync sessions")
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=SessionStatus.values), name="session_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status=SessionStatus.RUNNING, finished_at__isnull=True)
                | (~Q(status=SessionStatus.RUNNING) & Q(finished_at__isnull=False)),
                name="session_end_has_its_time",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_category_display()} #{self.pk}"
