"""`PartitionFinding`: something about a partitioned table that somebody should look at."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.instance import DatabaseInstance


class FindingKind(models.TextChoices):
    NONE_FOR_NOW = "none_for_now", _("no partition for now")
    NONE_AHEAD = "none_ahead", _("no partition for the next periods")
    GAP = "gap", _("gap")
    DEFAULT_ROWS = "default_rows", _("rows in the default partition")
    OVERSIZED = "oversized", _("oversized partition")
    TOO_MANY = "too_many", _("too many partitions")
    INDEX_MISSING = "index_missing", _("index missing on a partition")
    LEFTOVER = "leftover", _("detached leftover")


class Severity(models.TextChoices):
    INFO = "info", _("info")
    WARNING = "warning", _("warning")
    ERROR = "error", _("error")


class FindingQuerySet(models.QuerySet["PartitionFinding"]):
    def unresolved(self) -> FindingQuerySet:
        return self.filter(resolved_at__isnull=True)


class PartitionFinding(models.Model):
    """One row from when it is first seen until it resolves by itself; then a new one if it comes
    back. `partition` is empty for what is about the table."""

    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        on_delete=models.CASCADE,
        related_name="findings",
    )
    database = models.CharField(_("database"), max_length=255)
    schema = models.CharField(_("schema"), max_length=255, blank=True, default="")
    table = models.CharField(_("table"), max_length=255)
    partition = models.CharField(_("partition"), max_length=255, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=20, choices=FindingKind.choices)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices)
    message = models.TextField(_("finding"))
    details = models.JSONField(_("details"), default=dict)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    resolved_at = models.DateTimeField(_("resolved at"), null=True, db_index=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("partition finding")
        verbose_name_plural = _("partition findings")
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["instance", "database", "schema", "table", "partition", "kind"],
                condition=Q(resolved_at__isnull=True),
                name="finding_once_unresolved",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=FindingKind.values), name="finding_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values), name="finding_severity_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.table}"
