"""What a test of the connection says, of real servers, of hanging ones and of broken ones."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.estate.adapters.base import MissingRight, ServerInfo
from jobs.estate.models import DatabaseInstance
from jobs.estate.services import diagnosis
from jobs.estate.services.diagnosis import diagnose, diagnose_all
from tests.estate.conftest import MARIADB, POSTGRES, MariadbServer, PostgresServer
from tests.estate.fakes import FakeAdapter, FakeSession, failing, sizes

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]

SECRET = "s3cret-of-the-instance"
SERVERS = {"postgresql": POSTGRES, "mysql": MARIADB}


def unsaved(engine: str, **fields: Any) -> DatabaseInstance:
    """Nothing here asks the database, so that an instance need not be in it."""
    server = SERVERS.get(engine, {"host": "main", "port": 1, "user": "watcher"})
    password = fields.pop("password", "")
    given = {"host": server["host"], "port": server["port"], "username": server["user"]}
    instance = DatabaseInstance(name="main", engine=engine, **{**given, **fields})
    instance.set_password(password)
    return instance


def test_a_postgresql_server_that_can_be_looked_after(postgres: PostgresServer, only: Any) -> None:
    only("postgres")
    found = diagnose(unsaved("postgresql"))
    assert (found.problem, found.change_problem) == (None, None)
    assert found.seen
    assert found.seen.databases > 0
    [sentence] = found.sentences()
    assert "PostgreSQL" in sentence
    assert found.seen.server.version in sentence
    assert found.is_well


def test_the_databases_are_those_that_the_server_lists(mariadb: MariadbServer) -> None:
    mariadb.make_database()
    user = mariadb.make_user("SHOW DATABASES, SELECT ON *.*", identified=f"BY '{SECRET}'")
    found = diagnose(unsaved("mysql", username=user, password=SECRET))
    assert found.seen
    assert found.seen.databases >= 3  # information_schema, mysql, and the one made


def test_rights_that_are_missing_are_named(mariadb: MariadbServer) -> None:
    user = mariadb.make_user(identified=f"BY '{SECRET}'")
    found = diagnose(unsaved("mysql", username=user, password=SECRET))
    assert found.problem is None
    assert found.seen
    assert found.seen.databases is None, "those that one may not see are not counted"
    assert not found.is_well
    assert "SHOW DATABASES on *.*" in " ".join(found.sentences())


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"host": "no.such.host.invalid"}, "name_not_found", "no.such.host.invalid"),
        ({"port": 1}, "connection_refused", "port 1"),
        ({"tls_mode": "require"}, "tls_failed", "TLS"),
        ({"username": "nobody-at-all"}, "login_failed", "nobody-at-all"),
        ({"database": "not there", "password": ""}, "database_not_found", "not there"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    postgres: PostgresServer,
    mariadb: MariadbServer,
    engine: str,
    fields: dict[str, Any],
    code: str,
    says: str,
) -> None:
    found = diagnose(unsaved(engine, **{"password": SECRET, **fields}))
    assert found.problem
    assert found.problem.code == code
    [sentence] = found.sentences()
    assert says in sentence
    assert SECRET not in sentence + repr(found)
    assert (found.seen, found.is_well) == (None, False)


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        instance = unsaved(
            engine, host="127.0.0.1", port=port, connect_timeout_s=2, statement_timeout_s=1
        )
        found = diagnose(instance)
    assert found.problem
    assert found.problem.code == "timeout"


def test_a_driver_that_heeds_no_timeout_holds_nobody_up(
    fake: FakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "NET_S", 0)
    release = threading.Event()
    fake.listings["main"] = lambda: (release.wait(), ())[1]
    found = diagnose(unsaved("fake", connect_timeout_s=0, statement_timeout_s=1))
    assert not release.is_set(), "the server hangs still"
    release.set()
    assert found.problem
    assert (found.problem.code, found.problem.message) == (
        "timeout",
        "It did not answer within 1 s.",
    )


def test_a_timeout_of_an_hour_is_not_waited_for(
    fake: FakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = []
    connect = fake.connect

    @contextmanager
    def noting(target: Any) -> Iterator[Any]:
        targets.append(target)
        with connect(target) as session:
            yield session

    monkeypatch.setattr(fake, "connect", noting)
    fake.listings["main"] = sizes(shop=1)
    diagnose(unsaved("fake", connect_timeout_s=3600, statement_timeout_s=3600))
    assert [(one.connect_timeout_s, one.statement_timeout_s) for one in targets] == [(30, 30)]


def test_what_nobody_foresaw_is_told_without_the_password(
    fake: FakeAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.listings["main"] = failing(ValueError(f"bad password {SECRET}"))
    found = diagnose(unsaved("fake", password=SECRET))
    assert found.problem
    assert (found.problem.code, found.problem.message) == (
        "unexpected",
        "ValueError: bad password ***",
    )
    assert SECRET not in caplog.text + str([record.__dict__ for record in caplog.records])


def test_every_right_and_the_zone_of_the_server_are_passed_on(
    fake: FakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [MissingRight("Sizes", "SELECT on *.*"), MissingRight("Accounts", "SELECT on user")]
    server = ServerInfo("fake", "1.0", timezone="Asia/Tokyo")
    monkeypatch.setattr(FakeSession, "missing_rights", lambda session: missing)
    monkeypatch.setattr(FakeSession, "server_info", lambda session: server)
    fake.listings["main"] = sizes(shop=1, words=2)
    found = diagnose(unsaved("fake"))
    assert found.seen == diagnosis.Seen(server, 2, tuple(missing))
    assert len(list(found.sentences())) == 3


def test_a_password_that_no_key_reads_and_a_host_that_is_not_permitted_are_said(
    scheduler_settings: Any, fake: FakeAdapter
) -> None:
    instance = unsaved("fake", password=SECRET)
    scheduler_settings(credentials_keys=())
    found = diagnose(instance)
    assert found.problem
    assert found.problem.code == "credentials_key_missing"
    scheduler_settings(instance_hosts=("db.example",))
    found = diagnose(instance)
    assert found.problem
    assert found.problem.code == "host_not_permitted"


def test_a_file_outside_of_the_folders_is_not_looked_at() -> None:
    found = diagnose(DatabaseInstance(name="x", engine="sqlite", database="/etc/passwd"))
    assert found.problem
    assert found.problem.code == "folder_not_permitted"


def test_a_file_is_tested_too(folder: Path) -> None:
    path = folder / "missing.sqlite3"
    found = diagnose(DatabaseInstance(name="x", engine="sqlite", database=str(path)))
    assert found.problem
    assert found.problem.code == "file_missing"


def test_the_user_for_changes_is_tested_beside_the_one_that_reads(
    postgres: PostgresServer, only: Any
) -> None:
    only("postgres")
    found = diagnose(unsaved("postgresql", change_username="nobody-at-all"))
    assert found.seen
    assert found.change_problem
    assert found.change_problem.code == "login_failed"
    assert not found.is_well
    assert diagnose(unsaved("postgresql", change_username=POSTGRES["user"])).is_well


def test_several_are_answered_in_their_order(fake: FakeAdapter) -> None:
    fake.listings = {"one": sizes(a=1), "two": failing(OSError("no")), "three": sizes(a=1, b=2)}
    found = diagnose_all([unsaved("fake", host=host) for host in ("one", "two", "three")])
    assert [one.seen.databases if one.seen else None for one in found] == [1, None, 2]
