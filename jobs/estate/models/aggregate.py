"""`SizeAggregate`: how big a database, or a whole instance, was over a period."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.database import Database
from jobs.estate.models.instance import DatabaseInstance


class PeriodKind(models.TextChoices):
    """Calendar periods, whole: ISO weeks from Monday to Sunday, quarters of three months."""

    DAILY = "daily", _("day")
    WEEKLY = "weekly", _("week")
    MONTHLY = "monthly", _("month")
    QUARTERLY = "quarterly", _("quarter")


class SizeAggregate(models.Model):
    """Bytes, over the days of the period that have a snapshot; without any there is no row.

    Of an instance (`database` is null) the databases of each day are added up first: those that
    have a snapshot of that day, system databases too where they were measured. A sum beyond
    2^63 - 1 is stored as that. The average is rounded to the nearest byte.

    The changes are from the last day of the period before that has a snapshot to the last of
    this one, and null when that period has none; the percentage is null too when it would be of
    zero bytes. The trend is the slope of the least-squares line through the days, null below two
    of them. So a database that is new has no change, and one that was dropped no row any more.

    A row outlives the snapshots that it was made of: it is never replaced by one of fewer days,
    and its changes not by null.
    """

    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        on_delete=models.CASCADE,
        related_name="aggregates",
        db_index=False,  # the constraints serve it
    )
    database = models.ForeignKey(
        Database,
        verbose_name=_("database"),
        null=True,
        on_delete=models.CASCADE,
        related_name="aggregates",
        db_index=False,
    )
    kind = models.CharField(_("period"), max_length=10, choices=PeriodKind.choices)
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    samples = models.PositiveIntegerField(_("days measured"))
    average_bytes = models.PositiveBigIntegerField(_("average"))
    minimum_bytes = models.PositiveBigIntegerField(_("minimum"))
    maximum_bytes = models.PositiveBigIntegerField(_("maximum"))
    first_bytes = models.PositiveBigIntegerField(_("first"))
    last_bytes = models.PositiveBigIntegerField(_("last"))
    change_bytes = models.BigIntegerField(_("change"), null=True)
    change_percent = models.FloatField(_("change (%)"), null=True)
    trend_bytes_per_day = models.FloatField(_("trend (bytes a day)"), null=True)
    computed_at = models.DateTimeField(_("computed at"))

    class Meta:
        verbose_name = _("size aggregate")
        verbose_name_plural = _("size aggregates")
        ordering = ("-starts_on", "instance", "database")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["database", "kind", "starts_on"],
                condition=Q(database__isnull=False),
                name="aggregate_once_a_database",
            ),
            models.UniqueConstraint(
                fields=["instance", "kind", "starts_on"],
                condition=Q(database__isnull=True),
                name="aggregate_once_an_instance",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=PeriodKind.values), name="aggregate_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="aggregate_period_in_order"
            ),
        )
        indexes = (
            # The admin's filter by kind, which is rare for all but days.
            models.Index(fields=["kind", "-id"], name="aggregate_kind_idx"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.starts_on:%Y-%m-%d}"
