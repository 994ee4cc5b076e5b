"""`manage.py rotatecredentials`: after a new key was put before the old one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.errors import SchedulerError
from jobs.estate.services.rotation import Rotation, rotate_secrets


class Command(BaseCommand):
    help = (
        "Encrypt the stored passwords of all instances and the addresses of all alert channels "
        "under the newest key, the first of "
        "SCHEDCORE_CREDENTIALS_KEY, so that the older ones can be taken away. Start all of "
        "schedcore's processes again with the new key before, as others cannot read what is "
        "under it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="Only say how many secrets are under older keys, and change nothing.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        is_check = options["check"]
        try:
            rotation = rotate_secrets(is_dry_run=is_check)
        except SchedulerError as error:
            raise CommandError(error.message) from None
        self.stdout.write(_found(rotation) if is_check else _done(rotation))
        if rotation.unreadable:
            raise CommandError(
                _(
                    "No key in SCHEDCORE_CREDENTIALS_KEY can read a secret of: %(names)s. Put "
                    "the key back that it was stored with, or enter the secret again."
                )
                % {"names": ", ".join(f"“{name}”" for name in rotation.unreadable)}
            )
        if not is_check or not rotation.older:
            self.stdout.write(_("No stored secret needs an older key."))


def _found(rotation: Rotation) -> str:
    older = ngettext(
        "%(count)d secret is under an older key",
        "%(count)d secrets are under older keys",
        rotation.older,
    ) % {"count": rotation.older}
    return _("%(older)s, %(newest)d under the newest one.") % {
        "older": older,
        "newest": rotation.newest,
    }


def _done(rotation: Rotation) -> str:
    rotated = ngettext(
        "%(count)d secret was encrypted under the newest key",
        "%(count)d secrets were encrypted under the newest key",
        rotation.older,
    ) % {"count": rotation.older}
    return _("%(rotated)s, %(newest)d were under it already.") % {
        "rotated": rotated,
        "newest": rotation.newest,
    }
