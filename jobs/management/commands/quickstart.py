"""`manage.py quickstart`: everything a newcomer needs, behind `make run`."""

from __future__ import annotations

import errno
import http.client
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from jobs.conf import conf
from jobs.management.supervisor import Ended, Outcome, Program, supervise

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Bring the database up to date, then run the web server and a scheduler together."

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = settings.PORT
        require_free(port)
        self.prepare()
        programs = [
            Program(_("web server"), settings.WEB_COMMAND),
            Program(
                _("scheduler"),
                [sys.executable, str(settings.BASE_DIR / "manage.py"), "runscheduler"],
            ),
        ]
        with self.announcing(port):
            outcome = supervise(programs, grace_s=conf().shutdown_grace_s + 10, relay=relay)
        self.report(outcome)

    def prepare(self) -> None:
        # Straight to the database: one connection is enough here, and without a pool
        # between an error says what is wrong.
        connection.settings_dict["OPTIONS"].pop("pool", None)
        try:
            self.migrate()
            call_command("loadtasks", stdout=self.stdout, stderr=self.stderr)
            call_command("registerowndatabase", stdout=self.stdout, stderr=self.stderr)
            self.make_admin()
        except DatabaseError as error:
            raise CommandError(_("The database cannot be used: %s") % str(error).strip()) from error
        finally:
            connection.close()
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)

    def migrate(self) -> None:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            self.stdout.write(_("Bringing the database up to date (%s migrations).") % len(plan))
            self.stdout.flush()
            call_command("migrate", interactive=False, verbosity=0)

    @transaction.atomic
    def make_admin(self) -> None:
        """A superuser, if there is none; shown before the commit, so never made in secret."""
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return
        name, password = "admin", secrets.token_urlsafe(12)
        while users.filter(username=name).exists():
            name = f"admin-{secrets.token_hex(2)}"
        get_user_model().objects.create_superuser(username=name, password=password)
        self.show_in_box(
            [
                _("An administrator was made. The password is shown only now."),
                "",
                _("User:      %s") % name,
                _("Password:  %s") % password,
            ]
        )

    def show_in_box(self, lines: list[str]) -> None:
        width = max(len(line) for line in lines)
        rows = [f"│  {line:<{width}}  │" for line in lines]
        edge = "─" * (width + 4)
        self.stdout.write("\n".join([f"┌{edge}┐", *rows, f"└{edge}┘"]))
        self.stdout.flush()

    @contextmanager
    def announcing(self, port: int) -> Iterator[None]:
        """Say where the site is, as soon as it answers."""
        is_over = Event()

        def announce() -> None:
            while not is_over.wait(0.2):
                if answers(port):
                    text = _("schedcore is at http://%(host)s:%(port)s/  (Ctrl-C stops it)")
                    relay(f"\n  {text % {'host': HOST, 'port': port}}\n\n".encode())
                    return

        Thread(target=announce, daemon=True).start()
        try:
            yield
        finally:
            is_over.set()

    def report(self, outcome: Outcome) -> None:
        """Nothing after a proper stop; otherwise what went wrong, last, and exit code 1."""
        for program in outcome.killed:
            self.stderr.write(_("The %s did not stop in time and was killed.") % program.name)
        if outcome.ended:
            self.stderr.write(_("The last lines of the %s:") % outcome.ended.program.name)
            for line in outcome.ended.last_lines:
                self.stderr.write(f"    {line}")
            raise CommandError(explanation(outcome.ended))
        if outcome.killed:
            raise SystemExit(1)


def require_free(port: int) -> None:
    """Raise CommandError unless the port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                sentence = _("Port %(port)s is in use. Choose another one: make run PORT=%(other)s")
            else:
                sentence = _(
                    "Port %(port)s cannot be used (%(reason)s). "
                    "Choose another one: make run PORT=%(other)s"
                )
            values = {
                "port": port,
                "reason": error.strerror,
                "other": 8001 if port != 8001 else 8002,
            }
            raise CommandError(sentence % values) from None


def answers(port: int) -> bool:
    """Whether there is any answer; an error of the site stands in its log."""
    site = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        site.request("HEAD", "/")
        site.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        site.close()


def explanation(ended: Ended) -> str:
    """Which program ended by itself, and how."""
    if ended.code >= 0:
        how = _("with exit code %s") % ended.code
    elif ended.code == -signal.SIGKILL:
        how = _("by SIGKILL: somebody killed it, or the memory ran out")
    else:
        how = _("by %s") % signal.Signals(-ended.code).name
    return _("The %(name)s ended by itself, %(how)s; everything was stopped.") % {
        "name": ended.program.name,
        "how": how,
    }


def relay(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
