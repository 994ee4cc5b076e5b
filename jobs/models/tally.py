"""Tallies: what Prometheus counts, and what must not shrink when history is deleted."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tally(models.Model):
    """One counter. Schedulers add to it what they have counted, at each heartbeat.

    `metric` is one of those below; what `subject` and `label` are depends on it.
    """

    VERDICT = "verdict"
    """Of a job (`subject`) by verdict (`label`); of missed and skipped runs the occurrences."""
    DURATION = "duration"
    """Runs of a function by the upper bound of the bucket that their seconds fall into."""
    LATENESS = "lateness"
    """Scheduled runs by the bucket that their lateness falls into."""
    FAULT = "fault"
    """Steps of a scheduler's loop that failed, by the kind of error."""

    metric = models.CharField(max_length=20)
    subject = models.CharField(max_length=200, blank=True, default="")
    label = models.CharField(max_length=20, blank=True, default="")
    count = models.BigIntegerField(default=0)
    total = models.FloatField(default=0.0, help_text=_("The sum of what was measured, in seconds."))
    last_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["metric", "subject", "label"], name="tally_once"),
        )

    def __str__(self) -> str:
        return f"{self.metric} {self.subject} {self.label}"
