"""`AuditEvent`: who changed what, through what, from where; append-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class Via(models.TextChoices):
    ADMIN = "admin", _("admin")
    API = "api", _("API")
    COMMAND = "command", _("command")
    SCHEDULER = "scheduler", _("scheduler")


class AppendOnly(TypeError):
    """What happened is not rewritten."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def visible_to(self, user: User | AnonymousUser) -> AuditEventQuerySet:
        """Everything for managers; somebody with rights on single jobs sees those jobs' events."""
        from jobs.models.rights import planned, visible_job_ids

        ids = visible_job_ids(user, "manage_job")
        return self if ids is None else self.filter(job_id__in=planned(ids))

    def actions(self) -> list[str]:
        """The actions that there are events of, in order: one look-up in their index for each,
        whatever the number of events."""
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH RECURSIVE found(action) AS ("
                "SELECT MIN(action) FROM jobs_auditevent "
                "UNION ALL "
                "SELECT (SELECT MIN(action) FROM jobs_auditevent WHERE action > found.action) "
                "FROM found WHERE found.action IS NOT NULL"
                ") SELECT action FROM found WHERE action IS NOT NULL"
            )
            return [action for (action,) in cursor.fetchall()]

    def update(self, **changes: object) -> int:
        raise AppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly


class AuditEvent(models.Model):
    """One change, or one refused attempt at one. Never holds a secret."""

    at = models.DateTimeField(_("at"), default=timezone.now, db_index=True)
    actor = models.CharField(_("who"), max_length=150)
    via = models.CharField(_("through"), max_length=10, choices=Via.choices)
    address = models.GenericIPAddressField(_("from"), null=True, blank=True)
    token = models.CharField(
        _("token"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("The name of the API token that was used."),
    )
    action = models.CharField(
        _("action"), max_length=50, help_text=_("What was done, as in job.pause.")
    )
    job_id = models.CharField(_("job"), max_length=100, blank=True, default="")
    target = models.CharField(
        _("target"), max_length=200, blank=True, default="", help_text=_("What it was done to.")
    )
    is_refused = models.BooleanField(_("refused"), default=False)
    message = models.TextField(_("message"), blank=True, default="")
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)

    objects = AuditEventQuerySet.as_manager()
    expiring = models.Manager()  # noqa: DJ012  both are managers
    """For the retention alone."""

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-id",)
        default_permissions = ()
        base_manager_name = "objects"
        indexes = (
            models.Index(fields=["job_id", "-id"], name="audit_job_idx"),
            models.Index(fields=["actor", "-id"], name="audit_actor_idx"),
            models.Index(fields=["action", "-id"], name="audit_action_idx"),
            models.Index(fields=["via", "-id"], name="audit_via_idx"),
            models.Index(fields=["-id"], condition=Q(is_refused=True), name="audit_refused_idx"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.target}"

    def save(self, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(**options)

    def delete(
        self, using: Any | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        raise AppendOnly
