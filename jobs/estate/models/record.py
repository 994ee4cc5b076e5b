"""`SyncRecord`: what became of one instance in one session."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.session import SyncSession


class RecordStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("skipped")


UNSETTLED = (RecordStatus.PENDING, RecordStatus.RUNNING)


class SyncRecord(models.Model):
    """It copies the instance's name, because it outlives it."""

    session = models.ForeignKey(
        SyncSession,
        verbose_name=_("session"),
        on_delete=models.CASCADE,
        related_name="records",
        db_index=False,  # the unique constraint serves it
    )
    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="records",
        db_index=False,  # `record_newest_idx` serves it
    )
    instance_name = models.CharField(_("instance name"), max_length=100)
    status = models.CharField(
        _("status"), max_length=10, choices=RecordStatus.choices, default=RecordStatus.PENDING
    )
    items_seen = models.PositiveIntegerField(_("seen"), default=0)
    items_created = models.PositiveIntegerField(_("new"), default=0)
    items_updated = models.PositiveIntegerField(_("changed"), default=0)
    items_removed = models.PositiveIntegerField(_("gone"), default=0)
    seconds = models.FloatField(_("seconds"), null=True)
    error = models.TextField(_("error"), blank=True, default="")
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("sync record")
        verbose_name_plural = _("sync records")
        ordering = ("instance_name",)
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["session", "instance_name"], name="record_once_a_session"
            ),
            models.CheckConstraint(
                condition=Q(status__in=RecordStatus.values), name="record_status_known"
            ),
        )
        indexes = (
            # What `services.overview` and the page of an instance read by: its newest first.
            models.Index(fields=["instance", "-id"], name="record_newest_idx"),
        )

    def __str__(self) -> str:
        return self.instance_name
