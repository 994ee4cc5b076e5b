"""`PartitionPolicy`: which partitions a table should have, ahead and behind."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.instance import DatabaseInstance


class Interval(models.TextChoices):
    """One partition's length; `number` is for tables that are partitioned by an integer."""

    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")
    QUARTER = "quarter", _("quarter")
    YEAR = "year", _("year")
    NUMBER = "number", _("range of numbers")


class PartitionPolicy(models.Model):
    """Nothing is created or detached for a table without one."""

    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        on_delete=models.CASCADE,
        related_name="partition_policies",
        db_index=False,  # the unique constraint serves it
    )
    database = models.CharField(_("database"), max_length=255)
    schema = models.CharField(_("schema"), max_length=255, blank=True, default="")
    table = models.CharField(_("table"), max_length=255)
    interval = models.CharField(_("interval"), max_length=10, choices=Interval.choices)
    step = models.PositiveBigIntegerField(
        _("step"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many numbers a partition holds; only for a range of numbers."),
    )
    premake = models.PositiveSmallIntegerField(
        _("periods ahead"),
        default=3,
        help_text=_("So many partitions beyond the one for now."),
    )
    retention = models.PositiveSmallIntegerField(
        _("periods kept"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Older partitions are detached; empty to keep all."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("partition policy")
        verbose_name_plural = _("partition policies")
        ordering = ("instance", "database", "schema", "table")
        default_permissions = ("view",)
        permissions = (("manage_partitionpolicy", _("Can manage partition policies")),)
        constraints = (
            models.UniqueConstraint(
                fields=["instance", "database", "schema", "table"], name="policy_once_a_table"
            ),
            models.CheckConstraint(
                condition=Q(interval__in=Interval.values), name="policy_interval_known"
            ),
            models.CheckConstraint(
                condition=Q(interval="number", step__gte=1)
                | (~Q(interval="number") & Q(step__isnull=True)),
                name="policy_step_for_numbers_alone",
            ),
            models.CheckConstraint(
                condition=Q(retention__isnull=True) | Q(retention__gte=1),
                name="policy_retention_positive",
            ),
        )

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.table) if part)
