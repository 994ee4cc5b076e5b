"""`ApiToken`: a login of a program, with a name, an end and the most that it may do."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jobs.models.rights import Right

PREFIX = "schedcore_"
"""Of every token, so that it is recognized where it should not be."""

SHOWN_CHARACTERS = len(PREFIX) + 6
"""Of its text, by which its owner knows it again; far too few to guess the rest from."""

NAME_LENGTH = 100


class Scope(models.TextChoices):
    """Each contains those before it; none gives a right that the user does not hold."""

    VIEW = "view", _("view")
    RUN = "run", _("view and run")
    MANAGE = "manage", _("view, run and manage")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self, now: datetime) -> ApiTokenQuerySet:
        """Neither revoked nor expired."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)


class ApiToken(models.Model):
    """The token's text is shown once, when it is made; what is kept is its SHA-256.

    No slow hash, as passwords need: the text is 256 bits of chance, not a word to be guessed.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="api_tokens",
    )
    name = models.CharField(
        _("name"), max_length=NAME_LENGTH, help_text=_("What it is for; stands in the audit.")
    )
    scope = models.CharField(
        _("scope"),
        max_length=6,
        choices=Scope.choices,
        default=Scope.VIEW,
        help_text=_("The most that it may do, of what its user may."),
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    beginning = models.CharField(_("begins with"), max_length=SHOWN_CHARACTERS, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=150, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    revoked_by = models.CharField(
        _("revoked by"), max_length=150, blank=True, default="", editable=False
    )
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    last_used_from = models.GenericIPAddressField(_("last used from"), null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=Q(revoked_at__isnull=True),
                name="token_name_once_for_each_user",
            ),
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="token_scope_known"),
        )

    def __str__(self) -> str:
        return f"{self.user.get_username()}: {self.name}"

    @property
    def right(self) -> Right:
        """The highest right that it can use."""
        rights: dict[str, Right] = {
            Scope.VIEW: "view_job",
            Scope.RUN: "run_job",
            Scope.MANAGE: "manage_job",
        }
        return rights[self.scope]

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at <= now


def new_text() -> str:
    """The text of a new token."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
