"""`AccountChange`: what became different about an account between two readings."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.account import Account
from jobs.estate.models.instance import DatabaseInstance
from jobs.estate.models.session import SyncSession


class AccountChangeKind(models.TextChoices):
    ADDED = "added", _("added")
    REMOVED = "removed", _("removed")
    REAPPEARED = "reappeared", _("reappeared")
    CHANGED = "changed", _("changed")


class AccountChange(models.Model):
    """Append-only. The first reading of an instance makes none."""

    account = models.ForeignKey(
        Account, verbose_name=_("account"), on_delete=models.CASCADE, related_name="changes"
    )
    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        on_delete=models.CASCADE,
        related_name="account_changes",
    )
    session = models.ForeignKey(
        SyncSession,
        verbose_name=_("session"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="account_changes",
    )
    at = models.DateTimeField(_("noticed at"))
    kind = models.CharField(_("kind"), max_length=10, choices=AccountChangeKind.choices)
    difference = models.JSONField(
        _("difference"),
        default=dict,
        help_text=_("By field: before and after; of lists, what was added and removed."),
    )
    flags = models.JSONField(
        _("flags"), default=list, help_text=_("Those that the account has now and had not before.")
    )

    class Meta:
        verbose_name = _("account change")
        verbose_name_plural = _("account changes")
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=AccountChangeKind.values), name="account_change_kind_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"
