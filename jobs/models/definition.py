"""What the YAML file has said, and how the jobs stood before the last forced reload."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class LoadedDefinition(models.Model):
    """The definition of a job as it was last put from the file or from code.

    Compared with the job it tells whether somebody edited that by hand; compared with the
    file, whether the file has changed; and a row without its job is a job that was deleted
    by hand, which a restart must not bring back.
    """

    job_id = models.CharField(primary_key=True, max_length=100)
    definition = models.JSONField()
    loaded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("loaded definition")
        verbose_name_plural = _("loaded definitions")
        default_permissions = ()

    def __str__(self) -> str:
        return self.job_id


class JobSnapshot(models.Model):
    """All jobs, schedules, rights and loaded definitions before a forced reload, for its undo."""

    taken_at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    rows = models.JSONField()
    is_undone = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("job snapshot")
        verbose_name_plural = _("job snapshots")
        ordering = ("-id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.taken_at:%Y-%m-%d %H:%M:%S} UTC"
