"""`Database`: the inventory, one row a database that was ever seen on an instance."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.instance import DatabaseInstance


class DatabaseQuerySet(models.QuerySet["Database"]):
    def present(self) -> DatabaseQuerySet:
        """Not dropped, as far as is known."""
        return self.filter(dropped_at__isnull=True)


class Database(models.Model):
    """The name stands exactly as the server says it, so `Sales` and `sales` are two."""

    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        on_delete=models.CASCADE,
        related_name="databases",
        db_index=False,  # the unique constraint serves it
    )
    name = models.CharField(_("name"), max_length=255)
    is_system = models.BooleanField(_("system database"), default=False)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    dropped_at = models.DateTimeField(
        _("dropped at"),
        null=True,
        blank=True,
        help_text=_("When a complete listing first came without it."),
    )
    size_limit_bytes = models.PositiveBigIntegerField(
        _("size limit (bytes)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("For the forecast of the day on which it is reached."),
    )

    objects = DatabaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("database")
        verbose_name_plural = _("databases")
        ordering = ("instance", "name")
        default_permissions = ("view",)
        permissions = (("manage_database", _("Can manage databases")),)
        constraints = (
            # One row through drops and reappearances; what `services.sizes` upserts on.
            models.UniqueConstraint(fields=["instance", "name"], name="database_once_an_instance"),
        )

    def __str__(self) -> str:
        return self.name
