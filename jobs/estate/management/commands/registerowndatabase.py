"""`manage.py registerowndatabase`: so that a fresh installation has an instance to look after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.translation import gettext as _

from jobs.errors import SchedulerError
from jobs.estate.models.instance import DatabaseInstance

NAME = "schedcore"


class Command(BaseCommand):
    help = "Register this project's own database as the first instance, if there is none yet."

    def handle(self, *args: Any, **options: Any) -> None:
        if DatabaseInstance.objects.exists():
            self.stdout.write(_("There are instances already; nothing was changed."))
            return
        try:
            instance = _own_database()
            instance.full_clean()
        except SchedulerError as error:
            raise CommandError(error.message) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        instance.save()
        self.stdout.write(
            _("The project's own database is now the instance “%(name)s”.") % {"name": NAME}
        )


def _own_database() -> DatabaseInstance:
    if connection.vendor == "sqlite":
        if connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite's wrapper has it
            raise CommandError(_("A database in memory cannot be an instance."))
        path = Path(connection.settings_dict["NAME"]).absolute()
        return DatabaseInstance(name=NAME, engine="sqlite", database=str(path))
    if connection.vendor == "postgresql":
        # Of the live connection, so that what the settings leave to defaults is known too.
        connection.ensure_connection()
        info = connection.connection.info
        instance = DatabaseInstance(
            name=NAME,
            engine="postgresql",
            host=info.host,
            port=info.port,
            username=info.user,
            database=info.dbname,
        )
        instance.set_password(info.password)
        return instance
    raise CommandError(
        _("There is no engine for %(vendor)s databases.") % {"vendor": connection.display_name}
    )
