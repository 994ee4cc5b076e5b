"""`manage.py revoketoken`: an API token that must not work any more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from jobs.control import token as control
from jobs.control.audit import system_actor
from jobs.models import ApiToken


class Command(BaseCommand):
    help = "Revoke an API token: it works no more from now on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user")
        parser.add_argument("name", help="The token's name, as it was given to createtoken.")

    def handle(self, *args: Any, **options: Any) -> None:
        user, name = options["user"], options["name"]
        live = ApiToken.objects.filter(user__username=user, name=name, revoked_at__isnull=True)
        found = live.first()
        if found is None:
            sentence = _("“%(user)s” has no token “%(name)s” that could be revoked.")
            raise CommandError(sentence % {"user": user, "name": name})
        control.revoke(found.pk, actor=system_actor())
        self.stdout.write(_("The token “%(name)s” is revoked.") % {"name": name})
