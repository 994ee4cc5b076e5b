"""Stored secrets under the newest key, so that the older ones can be taken away: passwords of
instances, and addresses of the scheduler's alert channels.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import transaction

from jobs import cipher

logger = logging.getLogger(__name__)

BATCH = 100
"""Rows that one transaction locks."""

STORES = {
    ("estate", "DatabaseInstance"): ("password_encrypted", "change_password_encrypted"),
    ("jobs", "AlertChannel"): ("url_encrypted",),
}
"""Fields that hold secrets, by model. By name, as the estate imports nothing of the scheduler's."""


@dataclass(slots=True)
class Rotation:
    """Secrets that were under an older key and under the newest one; `unreadable` are the names
    of the instances or channels with one that no key can read, which is left as it is."""

    older: int = 0
    newest: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_secrets(*, is_dry_run: bool = False) -> Rotation:
    """Encrypt every stored secret that is under an older key under the newest one.

    In transactions of at most BATCH rows, which are locked, so no secret that
    somebody saves meanwhile is undone. A dry run only counts. Safe to stop and run again.
    Raises KeyMissing and KeyMalformed.
    """
    cipher.encrypt("x")  # without a key there is nothing to rotate to, whatever is stored
    rotation = Rotation()
    for store, fields in STORES.items():
        last: int | None = 0
        while last is not None:
            last = _rotate_batch(apps.get_model(*store), fields, rotation, last, is_dry_run)
    if not is_dry_run:
        logger.info(
            "Stored secrets were rotated",
            extra={
                "event": "estate.credentials_rotated",
                "rotated": rotation.older,
                "unreadable": rotation.unreadable,
            },
        )
    return rotation


@transaction.atomic
def _rotate_batch(
    model: Any, fields: tuple[str, ...], rotation: Rotation, last: int, is_dry_run: bool
) -> int | None:
    """The key of the last row that was looked at, or None after the last of all."""
    rows = model.objects.filter(pk__gt=last).order_by("pk")
    batch = list((rows if is_dry_run else rows.select_for_update())[:BATCH])
    for row in batch:
        changes = _changes(row, fields, rotation)
        if changes and not is_dry_run:
            # Not `save`: nothing about the row has changed that anybody could see.
            model.objects.filter(pk=row.pk).update(**changes)
    return batch[-1].pk if batch else None


def _changes(row: Any, fields: tuple[str, ...], rotation: Rotation) -> dict[str, str]:
    changes = {}
    for name in fields:
        token = getattr(row, name)
        if not token:
            continue
        try:
            if cipher.is_newest(token):
                rotation.newest += 1
            else:
                changes[name] = cipher.rotate(token)
                rotation.older += 1
        except cipher.KeyWrong:
            if row.name not in rotation.unreadable:
                rotation.unreadable.append(row.name)
    return changes
