from __future__ import annotations

from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.estate.management.commands import registerowndatabase
from jobs.estate.models import DatabaseInstance

pytestmark = pytest.mark.django_db


def register() -> str:
    out = StringIO()
    call_command("registerowndatabase", stdout=out)
    return out.getvalue()


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the command takes for the project's own connection."""
    connection = SimpleNamespace(
        vendor="sqlite", display_name="SQLite", is_in_memory_db=lambda: False, settings_dict={}
    )
    monkeypatch.setattr(registerowndatabase, "connection", connection)
    return connection


def test_the_own_file_becomes_the_first_instance_once(own: Any, folder: Path) -> None:
    own.settings_dict["NAME"] = folder / "schedcore.sqlite3"
    assert "schedcore" in register()
    assert "already" in register()
    instance = DatabaseInstance.objects.get()
    assert (instance.name, instance.engine) == ("schedcore", "sqlite")
    assert instance.database == str(folder / "schedcore.sqlite3")


def test_the_own_server_is_taken_from_the_live_connection(own: Any, folder: Path) -> None:
    own.vendor = "postgresql"
    own.ensure_connection = lambda: None
    own.connection = SimpleNamespace(
        info=SimpleNamespace(
            host="/run/postgresql", port=5432, user="root", password="hunter2", dbname="own"
        )
    )
    assert "hunter2" not in register()
    instance = DatabaseInstance.objects.get()
    target = instance.target()
    assert (target.host, target.port, target.username) == ("/run/postgresql", 5432, "root")
    assert (target.database, target.password) == ("own", "hunter2")


def test_it_changes_nothing_when_there_is_any_instance(own: Any, folder: Path) -> None:
    DatabaseInstance.objects.create(name="other", engine="sqlite", is_active=False)
    register()
    assert DatabaseInstance.objects.get().name == "other"


def test_a_folder_that_is_not_permitted_is_said(own: Any, folder: Path) -> None:
    own.settings_dict["NAME"] = folder.parent / "schedcore.sqlite3"
    with pytest.raises(CommandError, match="SCHEDCORE_SQLITE_FOLDERS"):
        register()
    assert not DatabaseInstance.objects.exists()


def test_a_database_in_memory_is_refused(own: Any) -> None:
    own.is_in_memory_db = lambda: True
    with pytest.raises(CommandError, match="memory"):
        register()


def test_its_help_can_be_printed() -> None:
    assert (
        "own database"
        in registerowndatabase.Command().create_parser("manage.py", "x").format_help()
    )


def test_another_vendor_is_refused(own: Any) -> None:
    own.vendor, own.display_name = "oracle", "Oracle"
    with pytest.raises(CommandError, match="Oracle"):
        register()
