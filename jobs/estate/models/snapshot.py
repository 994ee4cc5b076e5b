"""`DatabaseSizeSnapshot`: how big a database was on a day."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.database import Database


class DatabaseSizeSnapshot(models.Model):
    """Bytes; null where the engine does not tell. One row a day, the last measurement wins."""

    database = models.ForeignKey(
        Database,
        verbose_name=_("database"),
        on_delete=models.CASCADE,
        related_name="snapshots",
        db_index=False,  # the unique constraint serves it
    )
    day = models.DateField(_("day"), help_text=_("In the time zone of the instance."))
    taken_at = models.DateTimeField(_("taken at"))
    total_bytes = models.PositiveBigIntegerField(_("total"))
    data_bytes = models.PositiveBigIntegerField(_("data"), null=True)
    index_bytes = models.PositiveBigIntegerField(_("indexes"), null=True)
    wal_bytes = models.PositiveBigIntegerField(_("log"), null=True)
    largest_tables = models.JSONField(
        _("largest tables"),
        null=True,
        help_text=_("Schema, name and bytes, the largest first; null where nobody asked."),
    )

    class Meta:
        verbose_name = _("size snapshot")
        verbose_name_plural = _("size snapshots")
        ordering = ("-day", "database")
        default_permissions = ("view",)
        constraints = (
            # Also the index by which the newest snapshot of a database is found.
            models.UniqueConstraint(fields=["database", "day"], name="snapshot_once_a_day"),
        )
        indexes = (
            # What `services.aggregates` and the retention of snapshots read by.
            models.Index(fields=["day"], name="snapshot_day_idx"),
        )

    def __str__(self) -> str:
        return f"{self.database} {self.day:%Y-%m-%d}"
