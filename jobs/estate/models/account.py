"""`Account`: every user and role that was ever seen on an instance."""

from __future__ import annotations

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Cast
from django.db.models.lookups import Contains
from django.utils.translation import gettext_lazy as _

from jobs.estate.models.instance import DatabaseInstance


class Flag(models.TextChoices):
    """What makes an account worth a second look."""

    SUPERUSER = "superuser", _("superuser")
    GRANT_OPTION = "grant_option", _("may grant on what it was granted")
    NO_PASSWORD = "no_password", _("logs in without a password")
    NEVER_EXPIRES = "never_expires", _("never expires")
    ANY_HOST = "any_host", _("from any host")


def with_flag(flag: str) -> Q:
    """Rows whose list `flags` has it. SQLite has no look-up for that, so the text is searched;
    the quotes around each flag make it exact."""
    return Q(Contains(Cast("flags", models.TextField()), Value(f'"{flag}"')))


class AccountQuerySet(models.QuerySet["Account"]):
    def present(self) -> AccountQuerySet:
        """Not removed, as far as is known."""
        return self.filter(removed_at__isnull=True)

    def flagged(self, flag: str) -> AccountQuerySet:
        return self.filter(with_flag(flag))


class Account(models.Model):
    """As it was last read. Null is "not known", never guessed; one row through drops and
    reappearances, which is what `services.accounts` upserts on."""

    instance = models.ForeignKey(
        DatabaseInstance,
        verbose_name=_("instance"),
        on_delete=models.CASCADE,
        related_name="accounts",
        db_index=False,  # the unique constraint serves it
    )
    name = models.CharField(_("name"), max_length=255)
    host = models.CharField(_("host"), max_length=255, blank=True, default="")
    is_role = models.BooleanField(_("role"), default=False)
    can_login = models.BooleanField(_("can log in"), null=True)
    is_superuser = models.BooleanField(_("superuser"), null=True)
    is_locked = models.BooleanField(_("locked"), null=True)
    has_password = models.BooleanField(_("has a password"), null=True)
    expires_at = models.DateTimeField(_("expires at"), null=True)
    state = models.JSONField(
        _("state"), default=dict, help_text=_("Attributes, memberships and grants.")
    )
    raw = models.JSONField(_("as the server says"), default=dict)
    flags = models.JSONField(_("flags"), default=list)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    removed_at = models.DateTimeField(
        _("removed at"),
        null=True,
        help_text=_("When a complete listing first came without it."),
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ("instance", "name", "host")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(
                fields=["instance", "name", "host"], name="account_once_an_instance"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name
