"""`manage.py createtoken`: a login for a program."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from jobs.control import token as control
from jobs.control.audit import refusals_recorded, system_actor
from jobs.errors import SchedulerError
from jobs.models import Scope


class Command(BaseCommand):
    help = (
        "Make an API token for a user. Its text is printed once, alone on standard output, "
        "and cannot be found out later."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="Whose token it is: it may do what its user may, at most.")
        parser.add_argument("--name", required=True, help="What it is for; stands in the audit.")
        parser.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.VIEW.value,
            help="The most that it may do (default: %(default)s).",
        )
        parser.add_argument(
            "--days",
            type=int,
            default=control.DEFAULT_DAYS,
            help=f"Days until it expires, at most {control.MAX_DAYS} (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        user = users.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(_("There is no user “%(user)s”.") % {"user": options["user"]})
        actor = system_actor()
        try:
            with refusals_recorded(actor, "token.create"):
                token, text = control.create(
                    user,
                    name=options["name"],
                    scope=options["scope"],
                    days=options["days"],
                    actor=actor,
                )
        except SchedulerError as error:
            raise CommandError(error.message) from error
        sentence = _("Token “%(name)s” of %(user)s, scope %(scope)s, until %(day)s:")
        self.stderr.write(
            sentence
            % {
                "name": token.name,
                "user": user.get_username(),
                "scope": token.scope,
                "day": f"{token.expires_at:%Y-%m-%d %H:%M} UTC",
            }
        )
        self.stdout.write(text)
