"""`manage.py runscheduler`: host the scheduler; two or more of it for failover."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.autoreload import run_with_reloader
from django.utils.translation import gettext as _

from jobs import definitions
from jobs.errors import SchedulerError
from jobs.runtime.aside import aside
from jobs.runtime.service import Service, check_database, describe_database, describe_jobs


class Command(BaseCommand):
    help = "Run the scheduler. Any number may run; one leads, the others stand by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="see whether it could start (database, migrations, task file); start nothing",
        )
        parser.add_argument(
            "--reload",
            action="store_true",
            help="in development: start again when code changes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
        elif options["reload"]:
            run_with_reloader(self._run_reloading)
        else:
            self._run()

    def _check(self) -> None:
        try:
            check_database()
            definitions.load()
        except SchedulerError as error:
            raise CommandError(error.message) from None
        self._say(_("database: %(database)s") % {"database": describe_database()})
        self._say(_("jobs: %(jobs)s") % {"jobs": describe_jobs()})
        self._say(_("The scheduler could start."))
        connection.close()

    def _run(self) -> None:
        try:
            code = Service(self._say).run()
        except SchedulerError as error:
            raise CommandError(error.message) from None
        # A task's thread may hang, or hold a log handler's lock; it must not keep the process.
        aside(_flush)
        os._exit(code)

    def _run_reloading(self) -> None:
        service = Service(self._say)
        ended = threading.Event()

        def stop() -> None:
            service.stop()
            ended.wait(5)

        atexit.register(stop)
        try:
            service.run(handles_signals=False)
        except SchedulerError as error:
            self.stderr.write(self.style.ERROR(error.message))
        finally:
            ended.set()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _flush() -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
