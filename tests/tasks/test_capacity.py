from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import InvalidArguments
from jobs.estate.models import DatabaseSizeSnapshot
from jobs.registry import get_task
from jobs.tasks.capacity import collect_database_sizes
from tests.estate.conftest import folder, sqlite_instance  # noqa: F401

pytestmark = pytest.mark.django_db


def test_it_returns_the_size_of_every_instance_as_json(folder: Path) -> None:  # noqa: F811
    path = folder / "words.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE word (text TEXT)")
    sqlite_instance(path, name="words")
    sqlite_instance(folder / "absent", name="absent")
    result: dict[str, Any] = json.loads(json.dumps(collect_database_sizes()))
    absent, words = result["instances"]
    assert result["status"] == "partial"
    assert result["total_bytes"] == path.stat().st_size
    assert isinstance(result["session_id"], int)
    assert words.pop("seconds") >= 0
    assert words == {
        "name": "words",
        "status": "completed",
        "databases": 1,
        "total_bytes": path.stat().st_size,
        "error": "",
    }
    assert (absent["status"], absent["total_bytes"]) == ("failed", None)
    assert "absent" in absent["error"]


def test_only_what_was_asked_for_is_measured(folder: Path) -> None:  # noqa: F811
    for name in ("words", "numbers"):
        with closing(sqlite3.connect(folder / name)) as connection:
            connection.execute("CREATE TABLE word (text TEXT)")
        sqlite_instance(folder / name, tags=[name])
    result = get_task("collect_database_sizes").call(
        [],
        {"engines": ["sqlite"], "tags": ["words"], "largest_tables": 5, "include_system": True},
    )
    assert [instance["name"] for instance in result["instances"]] == ["words"]
    assert DatabaseSizeSnapshot.objects.get().largest_tables is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", 65),
        ("concurrency", "4"),
        ("largest_tables", -1),
        ("largest_tables", 101),
        ("include_system", "yes"),
        ("tags", "production"),
        ("engines", [1]),
    ],
)
def test_arguments_that_make_no_sense_are_refused_when_the_job_is_saved(
    name: str, value: Any
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        get_task("collect_database_sizes").arguments.bind([], {name: value})
    assert [key.split(".")[1] for key in caught.value.errors] == [name]
