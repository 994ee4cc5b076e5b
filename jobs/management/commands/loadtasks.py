"""`manage.py loadtasks`: jobs from the tasks file."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from jobs import definitions
from jobs.control.audit import refusals_recorded, system_actor
from jobs.definitions import DefinitionsInvalid, ReloadResult
from jobs.errors import SchedulerError


class Command(BaseCommand):
    help = (
        "Load the jobs that the tasks file defines: missing ones are added, unedited ones follow "
        "the file, and what was edited by hand stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--plan", action="store_true", help="Only say what would be done, and do nothing."
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Put all jobs back to the file, and delete those that it does not define. "
            "How they stood is saved for --undo.",
        )
        parser.add_argument(
            "--keep-custom",
            action="store_true",
            help="With --force: leave jobs that the file does not define.",
        )
        parser.add_argument(
            "--undo",
            action="store_true",
            help="Put all jobs back as they stood before the last --force.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        plan, force, undo = options["plan"], options["force"], options["undo"]
        if undo and (force or options["keep_custom"]):
            raise CommandError(_("--undo goes with neither --force nor --keep-custom."))
        if options["keep_custom"] and not force:
            raise CommandError(_("--keep-custom goes with --force only."))
        actor = system_actor()
        try:
            if undo:
                with refusals_recorded(actor, "definitions.undo"):
                    result = definitions.undo(actor, dry_run=plan)
            elif force:
                result = definitions.reload(actor, keep_custom=options["keep_custom"], dry_run=plan)
            else:
                result = definitions.ensure(actor, dry_run=plan)
        except DefinitionsInvalid as error:
            raise CommandError("\n  ".join([error.heading, *error.problems])) from error
        except SchedulerError as error:
            raise CommandError(error.message) from error
        self._say(result)

    def _say(self, result: ReloadResult) -> None:
        for warning in result.warnings:
            self.stderr.write(self.style.WARNING(warning))
        if result.is_dry_run:
            self.stdout.write(_("What would be done (nothing was changed):"))
        elif result.plan.changes_jobs:
            self.stdout.write(_("Done:"))
        else:
            self.stdout.write(_("There was nothing to change."))
        for sentence in result.plan.sentences():
            self.stdout.write(f"  {sentence}")
