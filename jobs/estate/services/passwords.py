"""What becomes of an instance's stored passwords when somebody edits it."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from jobs import cipher
from jobs.errors import SchedulerError
from jobs.estate.adapters.registry import find_adapter
from jobs.estate.models.instance import DatabaseInstance

DESTINATION = ("engine", "host", "port", "tls_mode", "ca")
"""What decides to whom, and how safely, the stored passwords are sent."""

STORED = {"password": "password_encrypted", "change_password": "change_password_encrypted"}


@sensitive_variables()
def take_passwords(
    instance: DatabaseInstance,
    typed: Mapping[str, str | None],
    *,
    engine: str,
    change_username: str,
    has_moved: bool,
) -> dict[str, str]:
    """Put what was typed for `password` and `change_password` onto the row, which is yet to be
    saved; returns errors by field.

    None keeps what is stored, unless the instance `has_moved`: else whoever may edit could have
    a password that they do not know sent to a server of their own. "" removes it, and so does
    an engine, or the lack of a user for changes, that has no use for it.
    """
    adapter = find_adapter(engine)
    obstacles: dict[str, str] = {}
    if adapter is not None and adapter.is_file:
        obstacles = dict.fromkeys(STORED, _("A file has none; leave this empty."))
    elif not change_username:
        obstacles = {"change_password": _("Without a user for changes, leave this empty.")}
    errors = {}
    for field, stored in STORED.items():
        text = typed.get(field)
        if field in obstacles:
            setattr(instance, stored, "")
            if text:
                errors[field] = obstacles[field]
        elif text is not None:
            try:
                setattr(instance, stored, cipher.encrypt(text))
            except SchedulerError as error:
                errors[field] = error.message
        elif has_moved and getattr(instance, stored):
            errors[field] = _("Enter it again, because it would go to another server than before.")
    return errors
