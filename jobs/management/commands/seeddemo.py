"""`manage.py seeddemo`: a database to look at."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from jobs.executions.database import database_now

DEMO = "jobs.demo"


class Command(BaseCommand):
    help = (
        "Fill an empty database with a demonstration: 40 jobs, 30 days of history, two instances "
        "with a year of sizes. In development only; nothing is contacted and nothing deleted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--force", action="store_true", help="Add it to a database that is in use."
        )
        parser.add_argument("--seed", type=int, default=1, help="Another one is another history.")
        parser.add_argument("--days", type=int, default=30, help="Of history; 30 by default.")
        parser.add_argument("--jobs", type=int, default=0, help="So many plain jobs besides.")
        parser.add_argument(
            "--executions", type=int, default=0, help="So many executions of these jobs."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not apps.is_installed(DEMO):
            raise CommandError(
                _("This is production (SCHEDCORE_ENV): the demonstration is not installed here.")
            )
        from jobs.demo.seed import Wanted, is_in_use, is_seeded, seed

        names = ("seed", "days", "jobs", "executions")
        wanted = Wanted(**{name: options[name] for name in names})
        if not 1 <= wanted.days <= 365 or wanted.jobs < 0 or wanted.executions < 0:
            raise CommandError(_("Give 1 to 365 days, and no negative numbers."))
        if is_seeded():
            raise CommandError(_("The demonstration is in this database already."))
        if is_in_use() and not options["force"]:
            raise CommandError(
                _(
                    "This database is in use: it has jobs or executions. Choose an empty one "
                    "(SCHEDCORE_VAR_DIR or DATABASE_URL), or add --force."
                )
            )
        seed(wanted, now=database_now())
        self.stdout.write(_("The demonstration is ready. Look at it: manage.py quickstart"))
