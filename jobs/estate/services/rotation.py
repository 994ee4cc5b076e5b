"""Stored passwords under the newest key, so that the older ones can be taken away."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from django.db import transaction

from jobs import cipher
from jobs.estate.models.instance import DatabaseInstance

logger = logging.getLogger(__name__)

BATCH = 100
"""Instances whose rows one transaction locks."""

FIELDS = ("password_encrypted", "change_password_encrypted")


@dataclass(slots=True)
class Rotation:
    """Passwords that were under an older key and under the newest one; `unreadable` are the
    names of the instances with one that no key can read, which is left as it is."""

    older: int = 0
    newest: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_passwords(*, is_dry_run: bool = False) -> Rotation:
    """Encrypt every stored password that is under an older key under the newest one.

    In transactions of at most BATCH instances, whose rows are locked, so no password that
    somebody saves meanwhile is undone. A dry run only counts. Safe to stop and run again.
    Raises KeyMissing and KeyMalformed.
    """
    cipher.encrypt("x")  # without a key there is nothing to rotate to, whatever is stored
    rotation = Rotation()
    last: int | None = 0
    while last is not None:
        last = _rotate_batch(rotation, last, is_dry_run=is_dry_run)
    if not is_dry_run:
        logger.info(
            "Stored passwords were rotated",
            extra={
                "event": "estate.credentials_rotated",
                "rotated": rotation.older,
                "unreadable": rotation.unreadable,
            },
        )
    return rotation


@transaction.atomic
def _rotate_batch(rotation: Rotation, last: int, *, is_dry_run: bool) -> int | None:
    """The key of the last instance that was looked at, or None after the last of all."""
    rows = DatabaseInstance.objects.filter(pk__gt=last).order_by("pk")
    batch = list((rows if is_dry_run else rows.select_for_update())[:BATCH])
    for instance in batch:
        changes = _changes(instance, rotation)
        if changes and not is_dry_run:
            # Not `save`: nothing about the instance has changed that anybody could see.
            DatabaseInstance.objects.filter(pk=instance.pk).update(**changes)
    return batch[-1].pk if batch else None


def _changes(instance: DatabaseInstance, rotation: Rotation) -> dict[str, str]:
    changes = {}
    for name in FIELDS:
        token = getattr(instance, name)
        if not token:
            continue
        try:
            if cipher.is_newest(token):
                rotation.newest += 1
            else:
                changes[name] = cipher.rotate(token)
                rotation.older += 1
        except cipher.KeyWrong:
            if instance.name not in rotation.unreadable:
                rotation.unreadable.append(instance.name)
    return changes
