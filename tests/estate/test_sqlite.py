"""What is SQLite's own: files, folders, links, locks."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import ConnectionTarget, TableSize
from jobs.estate.adapters.sqlite import SqliteAdapter, permitted_path


def to(path: Path, *folders: Path, **changes: Any) -> ConnectionTarget:
    return ConnectionTarget("sqlite", str(path), folders=folders or (path.parent,), **changes)


def visit(target: ConnectionTarget) -> Any:
    return SqliteAdapter().connect(target)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "words.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE word (text TEXT)")
    return path


def test_the_total_is_the_file_and_its_log(database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO word VALUES ('one')")
        writer.commit()
        with visit(to(database)) as session:
            [size] = session.database_sizes()
        log_bytes = database.with_name("words.sqlite3-wal").stat().st_size
    assert log_bytes > 0
    assert size.wal_bytes == log_bytes
    assert size.total_bytes == database.stat().st_size + log_bytes


def test_an_idle_file_in_wal_mode_can_be_read(database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    with visit(to(database)) as session:
        [size] = session.database_sizes()
    assert size.total_bytes == database.stat().st_size
    assert size.wal_bytes == 0


def test_an_empty_file_is_a_database_of_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with visit(to(tmp_path / "empty")) as session:
        [size] = session.database_sizes()
    assert size.total_bytes == 0


def test_a_file_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(errors.FileMissing, match="absent"), visit(to(tmp_path / "absent")):
        pass
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("kind", ["text", "folder", "pipe"])
def test_what_is_no_database_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "text":
        path.write_text("These are words, and no database, as anybody can see. " * 20)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(errors.NotADatabase), visit(to(path)):
        pass


@pytest.mark.parametrize("how", ["link", "dots", "linked folder", "relative", "NUL", "loop"])
def test_a_path_that_leads_out_of_the_permitted_folders_is_refused(
    tmp_path: Path, database: Path, how: str
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(database)
    (inside / "folder").symlink_to(tmp_path)
    (inside / "loop").symlink_to(inside / "loop")
    path = {
        "link": inside / "link",
        "dots": inside / ".." / database.name,
        "linked folder": inside / "folder" / database.name,
        "relative": Path(os.path.relpath(inside / "words")),
        "NUL": inside / "a\0b",
        "loop": inside / "loop",
    }[how]
    with (
        pytest.raises(errors.FolderNotPermitted, match="SCHEDCORE_SQLITE_FOLDERS"),
        visit(to(path, inside)),
    ):
        pass


def test_a_link_into_a_permitted_folder_leads_to_its_file(tmp_path: Path, database: Path) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(database)
    assert permitted_path(str(link), [tmp_path]) == database


def test_no_permitted_folder_permits_nothing(database: Path) -> None:
    with pytest.raises(errors.FolderNotPermitted, match="none"):
        permitted_path(str(database), [])


def test_a_file_that_stays_locked_is_said(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(errors.Locked, match="0 s"),
            visit(to(database, connect_timeout_s=0)),
        ):
            pass


def test_a_statement_is_ended_when_the_time_is_over(database: Path) -> None:
    forever = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    with visit(to(database)) as session:
        session._ends_at = 0.0
        with pytest.raises(errors.DidNotAnswer, match="within 35 s"):
            session._row(forever)


def test_without_dbstat_the_index_bytes_are_unknown(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with visit(to(database)) as session:
        monkeypatch.setattr(session, "_tables", lambda: None)
        [size] = session.database_sizes(largest_tables=5)
    assert size.index_bytes is None
    assert size.largest_tables == ()
    assert size.data_bytes == database.stat().st_size


def test_the_largest_tables_come_first_with_their_indexes(database: Path) -> None:
    with closing(sqlite3.connect(database)) as writer, writer:
        writer.execute('CREATE TABLE "größe.of it" (text TEXT)')
        writer.execute('CREATE INDEX "an index" ON "größe.of it" (text)')
        writer.execute("CREATE TABLE keyed (text TEXT PRIMARY KEY) WITHOUT ROWID")
        writer.execute("CREATE VIEW seen AS SELECT * FROM word")
        rows = [(f"{number:0500}",) for number in range(1000)]
        writer.executemany('INSERT INTO "größe.of it" VALUES (?)', rows)
        writer.executemany("INSERT INTO keyed VALUES (?)", rows)
        pages = dict(writer.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    with visit(to(database)) as session:
        [size] = session.database_sizes(largest_tables=9)
        [two] = session.database_sizes(largest_tables=2)
        [none] = session.database_sizes()
    assert size.largest_tables == (
        TableSize("", "größe.of it", pages["größe.of it"] + pages["an index"]),
        TableSize("", "keyed", pages["keyed"]),
        TableSize("", "word", pages["word"]),
    )
    assert size.index_bytes == pages["an index"]
    assert two.largest_tables == size.largest_tables[:2]
    assert none.largest_tables == ()


def test_tables_that_cannot_be_measured_in_time_cost_the_parts_and_not_the_total(
    database: Path,
) -> None:
    with closing(sqlite3.connect(database)) as writer, writer:
        writer.executemany("INSERT INTO word VALUES (?)", [("x" * 2000,)] * 20_000)
    with visit(to(database)) as session:
        session._connection.set_progress_handler(lambda: True, 1)
        assert session._tables() is None
