from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from jobs.estate.models import DatabaseInstance

pytestmark = pytest.mark.django_db

SERVER = {
    "name": "main",
    "engine": "postgresql",
    "host": "db.example",
    "port": 5432,
    "username": "watcher",
}


def errors_of(**fields: Any) -> dict[str, list[str]]:
    try:
        DatabaseInstance(**fields).full_clean()
    except ValidationError as error:
        return error.message_dict
    return {}


def test_a_complete_server_is_accepted() -> None:
    assert errors_of(**SERVER) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "n" * 101),
        ("engine", "oracle"),
        ("host", ""),
        ("host", "one,two"),
        ("host", "one two"),
        ("host", "one\n"),
        ("port", None),
        ("port", 0),
        ("port", 65536),
        ("username", ""),
        ("tls_mode", "sometimes"),
        ("connect_timeout_s", 0),
        ("statement_timeout_s", 0),
        ("tags", "production"),
        ("tags", [1]),
        ("tags", {"a": 1}),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(field: str, value: Any) -> None:
    assert list(errors_of(**{**SERVER, field: value})) == [field]


def test_checking_against_a_ca_needs_one() -> None:
    assert list(errors_of(**SERVER, tls_mode="verify-ca")) == ["ca"]


@pytest.mark.parametrize(
    ("field", "value"), [("host", "db.example"), ("port", 5432), ("username", "watcher")]
)
def test_a_file_has_no_server(folder: Path, field: str, value: Any) -> None:
    file = {"name": "file", "engine": "sqlite", "database": str(folder / "words")}
    assert errors_of(**file) == {}
    assert list(errors_of(**file, **{field: value})) == [field]


@pytest.mark.parametrize("path", ["", "words", "/etc/passwd", "/proc/self/root/etc/passwd"])
def test_a_file_outside_the_permitted_folders_is_refused(folder: Path, path: str) -> None:
    [sentence] = errors_of(name="file", engine="sqlite", database=path)["database"]
    assert "SCHEDCORE_SQLITE_FOLDERS" in sentence


def test_a_link_that_escapes_the_permitted_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    (folder / "harmless").symlink_to(tmp_path / "secret")
    errors = errors_of(name="file", engine="sqlite", database=str(folder / "harmless"))
    assert list(errors) == ["database"]


def test_a_folder_whose_name_only_begins_like_a_permitted_one_is_refused(folder: Path) -> None:
    beside = folder.with_name("permitted-not") / "words"
    assert list(errors_of(name="file", engine="sqlite", database=str(beside))) == ["database"]


def test_an_empty_maintenance_database_means_the_engines_default() -> None:
    assert DatabaseInstance(**SERVER).target().database == "postgres"
    assert DatabaseInstance(**SERVER, database="sales").target().database == "sales"


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"port": 70000}, {"connect_timeout_s": 0}, {"statement_timeout_s": 0}]
)
def test_the_database_itself_refuses_what_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        DatabaseInstance.objects.create(**{**SERVER, **fields})
