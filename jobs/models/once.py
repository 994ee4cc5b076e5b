"""Rows that a request makes once, however often it is sent; `control.once` reads the keys."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MadeOnce(models.Model):
    """Each model has a unique constraint on the key of its own: partial, as most rows have none."""

    idempotency_key = models.CharField(
        max_length=64,
        null=True,
        editable=False,
        help_text=_("Digest of the user and the Idempotency-Key that asked for it."),
    )
    idempotency_request = models.CharField(
        max_length=64,
        null=True,
        editable=False,
        help_text=_("Digest of the request that came with it."),
    )

    is_replayed = False
    """Whether this is the answer to a request that had been made before; set by `control.once`."""

    class Meta:
        abstract = True
