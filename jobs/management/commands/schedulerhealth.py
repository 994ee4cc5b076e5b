"""`manage.py schedulerhealth`: how the scheduler does, for people and for monitoring systems."""

from __future__ import annotations

import json
import os
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseFault
from django.db import connection
from django.utils.translation import gettext as _

from jobs.escaping import one_line
from jobs.executions.database import database_now
from jobs.health.report import health
from jobs.health.shapes import HealthData, WarningData
from jobs.runtime.service import describe_address

CODES: dict[str, int] = {"healthy": 0, "warning": 1, "error": 2}
"""Exit codes as monitoring systems know them."""

UNKNOWN = 3
"""Settings that cannot be used, or arguments that make no sense."""

WORDS = {"healthy": "OK", "warning": "WARNING", "error": "CRITICAL"}
"""The first word of the answer, never translated."""


class Command(BaseCommand):
    help = (
        "Tell how the scheduler does: one line for monitoring systems, then what is wrong and "
        "what to do. Exit code 0: healthy, 1: warning, 2: error, or the database cannot be "
        "reached, 3: unknown, as with settings or arguments that cannot be used."
    )
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Wrong usage is unknown, too: the 2 of every other command would be an error here."""
        self._called_from_command_line = True  # so that the parser ends, and does not raise
        try:
            self.create_parser(argv[0], argv[1]).parse_args(argv[2:])
        except SystemExit as ended:
            raise SystemExit(UNKNOWN if ended.code else 0) from None
        super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="all of it, as the API tells it")
        parser.add_argument(
            "--timeout",
            type=float,
            default=10.0,
            metavar="SECONDS",
            help="how long the database may take to answer (default: %(default)g)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        timeout_s: float = options["timeout"]
        if not 0 < timeout_s <= threading.TIMEOUT_MAX:
            sentence = _("The timeout has to be more than 0 seconds.")
            raise CommandError(sentence, returncode=UNKNOWN)
        as_json: bool = options["json"]
        try:
            with without_pool(), self.gives_up_after(timeout_s, as_json):
                found = health(database_now())
        except (DatabaseFault, OSError) as error:
            self.tell_unreachable(str(error), as_json)
            raise SystemExit(CODES["error"]) from None
        if as_json:
            self.stdout.write(json.dumps(found, cls=DjangoJSONEncoder))
        else:
            self.stdout.write("\n".join(lines_of(found)))
        raise SystemExit(CODES[found["status"]])

    @contextmanager
    def gives_up_after(self, timeout_s: float, as_json: bool) -> Iterator[None]:
        """End the process if this takes longer: nothing else ends the wait for a frozen server."""

        def give_up() -> None:
            try:
                self.tell_unreachable(_("no answer within %g s") % timeout_s, as_json)
                self.stdout.flush()
            finally:
                os._exit(CODES["error"])

        timer = threading.Timer(timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def tell_unreachable(self, reason: str, as_json: bool) -> None:
        message = _("The database %(database)s cannot be used: %(reason)s") % {
            "database": describe_address(),
            "reason": one_line(reason),
        }
        fix = _(
            "See whether its server runs and DATABASE_URL is right; if tables are missing, run "
            "`manage.py migrate`."
        )
        finding = {"level": "error", "code": "database_unavailable", "message": message, "fix": fix}
        if as_json:
            answer = {"status": "error", "health_score": 0, "warnings": [finding]}
            answer["measured_at"] = datetime.now(UTC)
            self.stdout.write(json.dumps(answer, cls=DjangoJSONEncoder))
        else:
            self.stdout.write(f"CRITICAL: {for_plugins(message)}\n  -> {fix}")


@contextmanager
def without_pool() -> Iterator[None]:
    """One connection is enough here, and without a pool between an error says what is wrong."""
    if connection.connection is not None:  # which came from the pool, and goes back to it
        yield
        return
    settings = connection.settings_dict
    options = {key: value for key, value in settings["OPTIONS"].items() if key != "pool"}
    connection.settings_dict = {**settings, "OPTIONS": options}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = settings


def lines_of(found: HealthData) -> Iterator[str]:
    """The line that monitoring systems show, with figures for their charts; then the rest."""
    findings = sorted(found["warnings"], key=lambda one: one["level"])  # errors first
    yield f"{WORDS[found['status']]}: {for_plugins(_summary(found, findings))} | {figures(found)}"
    for finding in findings:
        yield f"{finding['level']} {finding['code']}: {one_line(finding['message'])}"
        yield f"  -> {one_line(finding['fix'])}"
    for standby in found["standbys"]:
        yield _("standby: %(host)s, pid %(pid)d, heard from %(beat_age_s).1f s ago") % standby


def _summary(found: HealthData, findings: list[WarningData]) -> str:
    if findings:
        first, others = one_line(findings[0]["message"]), len(findings) - 1
        return f"{first} {_('(and %d more)') % others}" if others else first
    if (leader := found["leader"]) is None:
        raise AssertionError("Without a leader health finds an error.")
    return _(
        "%(host)s, pid %(pid)d, leads; heard from %(age).1f s ago; %(jobs)d jobs, %(running)d "
        "running, %(queued)d waiting"
    ) % {
        "host": leader["host"],
        "pid": leader["pid"],
        "age": leader["beat_age_s"],
        "jobs": found["jobs"]["total"],
        **found["queue"],
    }


def figures(found: HealthData) -> str:
    """Performance data, as the Monitoring Plugins Development Guidelines want them."""
    seconds = {
        "beat_age": found["leader"]["beat_age_s"] if found["leader"] else None,
        "lateness_p99": found["lateness_p99_s"],
        "database_write_max": found["database_write_max_s"],
        "oldest_queued": found["queue"]["oldest_queued_s"],
    }
    counts: dict[str, int | None] = {
        "running": found["queue"]["running"],
        "queued": found["queue"]["queued"],
        "busy_workers": found["busy_workers"],
        "overdue_jobs": found["jobs"]["overdue_count"],
        "broken_jobs": found["jobs"]["by_state"]["broken"],
    }
    told = [f"health_score={found['health_score']};;;0;100"]
    told += [f"{name}={value:.3f}s" for name, value in seconds.items() if value is not None]
    told += [f"{name}={value}" for name, value in counts.items() if value is not None]
    return " ".join(told)


def for_plugins(text: str) -> str:
    """What stands after a bar would be read as figures."""
    return one_line(text).replace("|", "¦")
