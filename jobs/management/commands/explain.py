"""`manage.py explain`: why a job ran, or did not run."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from jobs.errors import JobNotFound
from jobs.executions.database import database_now
from jobs.explain.why import explain
from jobs.management.asked import asked_told
from jobs.management.ends import one_line_errors, unknown_job
from jobs.management.explanation import write_explanation
from jobs.management.terminal import standard_output


class Command(BaseCommand):
    help = (
        "Tell why a job ran or did not run at a time; without --at how it stands now, when it "
        "runs next, and what became of its last occurrence."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", metavar="JOB", help="The job's id; of a deleted one, too.")
        parser.add_argument(
            "--at",
            help="2026-12-31T03:00 (in the server's zone), 2026-12-31T03:00Z, 03:00 (today), "
            "“2h ago”, “in 2h”.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        terminal = standard_output(options)
        with one_line_errors():
            now = database_now()
            asked = asked_told("at", options["at"], now=now)
            try:
                found = explain(options["job"], asked, now=now)
            except JobNotFound:
                raise unknown_job(options["job"]) from None
            if options["json"]:
                terminal.document(found.as_data())
            else:
                write_explanation(terminal, found)
