"""How a connection to MariaDB or MySQL fails, and how a server that misbehaves is borne."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql
import pytest

from jobs.estate.adapters import errors, mysql_connection
from jobs.estate.adapters.mysql_connection import quoted
from jobs.estate.adapters.mysql_errors import why_not_connected
from tests.estate.conftest import MariadbServer
from tests.estate.fake_mysql import GREETING, Line, fake_mysql
from tests.estate.test_mysql import to, visit

pytestmark = pytest.mark.once

PASSWORD = "hunter2-hunter2"

DRIP = threading.Event()
"""Never set; its wait is the time between two drops."""


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"host": "no.such.host.invalid"}, errors.NameNotFound, "no.such.host.invalid"),
        ({"host": "x" * 70 + ".invalid"}, errors.NameNotFound, "xxx"),
        ({"host": "a\0b"}, errors.NameNotFound, "a"),
        ({"port": 1}, errors.Refused, "port 1"),
        ({"host": "/nonexistent"}, errors.Refused, "/nonexistent"),
        ({"host": "/" + "x" * 200}, errors.InstanceError, "too long"),
        ({"tls_mode": "require"}, errors.TlsFailed, "SSL"),
        ({"tls_mode": "verify-full"}, errors.TlsFailed, "SSL"),
        ({"tls_mode": "verify-ca", "ca": "no PEM"}, errors.TlsFailed, "CA certificates"),
        ({"tls_mode": "verify-ca", "ca": "größe"}, errors.TlsFailed, "CA certificates"),
        ({"password": PASSWORD}, errors.LoginFailed, "root"),
        ({"username": "nobody-at-all"}, errors.LoginFailed, "nobody-at-all"),
        ({"username": ""}, errors.LoginFailed, "“”"),
        ({"database": "password ssl"}, errors.DatabaseNotFound, "password ssl"),
    ],
)
def test_what_hinders_the_connection_is_said_in_words(
    mariadb: MariadbServer, changes: dict[str, Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught, visit(to(**changes)):
        pass
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "identified", ["BY 'secret' ACCOUNT LOCK", "BY 'secret' PASSWORD EXPIRE", "BY 'other'"]
)
def test_an_account_that_may_not_log_in_is_told_why(
    mariadb: MariadbServer, identified: str
) -> None:
    user = mariadb.make_user(identified=identified)
    with pytest.raises(errors.LoginFailed, match=user), visit(to(username=user, password="secret")):
        pass


@pytest.mark.parametrize("password", ["größe €", "a'b\"c\\d%s", "日本"])
def test_any_password_and_name_can_log_in(mariadb: MariadbServer, password: str) -> None:
    name = f'd\'Arc "q" `b` @日本 {uuid.uuid4().hex}'
    user = mariadb.make_user(name=name)
    mariadb.execute(f"SET PASSWORD FOR {quoted(user)} = PASSWORD(%s)", password)
    with visit(to(username=user, password=password)) as session:
        [(current,)] = session._connection.execute("SELECT USER()")
    assert current.startswith(name)


def test_a_login_without_the_right_to_its_database_is_told_so(mariadb: MariadbServer) -> None:
    hidden, user = mariadb.make_database(), mariadb.make_user()
    with pytest.raises(errors.RightsMissing, match=hidden), visit(to(hidden, username=user)):
        pass


@pytest.mark.parametrize(
    ("number", "words", "kind"),
    [
        (1130, "Host '10.1.2.3' is not allowed to connect", errors.LoginFailed),
        (1129, "Host '10.1.2.3' is blocked", errors.LoginFailed),
        (3118, "Access denied. Account is locked.", errors.LoginFailed),
        (1862, "Your password has expired.", errors.LoginFailed),
        (2059, "Authentication plugin 'x' not configured", errors.LoginFailed),
        (3159, "Connections using insecure transport are prohibited", errors.TlsFailed),
        (2013, "Lost connection to MySQL server during query", errors.ConnectionLost),
        (1040, "Too many connections", errors.InstanceError),
    ],
)
def test_refusals_that_this_machine_cannot_make_are_known_by_their_numbers(
    number: int, words: str, kind: type[errors.InstanceError]
) -> None:
    refusal = why_not_connected(to(), pymysql.OperationalError(number, words))
    assert type(refusal) is kind
    assert words in refusal.message


def test_what_a_server_says_is_shown_without_the_password() -> None:
    said = pymysql.OperationalError(1040, f"strange\n {PASSWORD} things")
    assert why_not_connected(to(password=PASSWORD), said).message == "strange *** things"


def test_an_option_file_of_the_processs_owner_is_not_read(
    mariadb: MariadbServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user = mariadb.make_user(identified="BY 'secret'")
    (tmp_path / ".my.cnf").write_text("[client]\npassword=secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MYSQL_PWD", "secret")
    with pytest.raises(errors.LoginFailed), visit(to(username=user)):
        pass


def test_a_server_that_goes_away_in_mid_visit_is_a_lost_connection(mariadb: MariadbServer) -> None:
    with visit(to()) as session:
        [(connection_id,)] = session._connection.execute("SELECT CONNECTION_ID()")
        mariadb.execute(f"KILL {connection_id}")
        with pytest.raises(errors.ConnectionLost):
            session.database_sizes()
        with pytest.raises(errors.ConnectionLost):
            session.server_info()


def hangs(line: Line) -> None:
    line.read()


def drips(line: Line) -> None:
    line.send_raw(b"\xff\xff\x00\x00")
    while True:  # until the client has gone
        line.send_raw(b"x")
        DRIP.wait(0.05)


@pytest.mark.parametrize("script", [hangs, drips])
def test_a_server_that_hangs_after_it_has_accepted_is_left_when_the_time_is_over(
    script: Callable[[Line], None],
) -> None:
    with fake_mysql(script) as port:
        target = to(host="127.0.0.1", port=port, connect_timeout_s=1)
        with pytest.raises(errors.DidNotAnswer, match="within 1 s"), visit(target):
            pass


def test_a_server_that_hangs_up_in_the_greeting_is_a_lost_connection() -> None:
    with (
        fake_mysql(lambda line: line.send_raw(b"\x4a\x00\x00\x00\x0a10")) as port,
        pytest.raises(errors.ConnectionLost),
        visit(to(host="127.0.0.1", port=port)),
    ):
        pass


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x04\x00\x00\x00\x0aabc"])
def test_a_server_of_another_kind_is_said_to_be_one(greeting: bytes) -> None:
    with (
        fake_mysql(lambda line: line.send_raw(greeting)) as port,
        pytest.raises(errors.WrongProtocol, match=str(port)),
        visit(to(host="127.0.0.1", port=port)),
    ):
        pass


@pytest.mark.parametrize("way", mysql_connection.READABLE)
@pytest.mark.parametrize("tls_mode", ["disable", "prefer"])
def test_a_server_that_asks_for_the_readable_password_is_never_sent_it(
    way: str, tls_mode: str
) -> None:
    sent: list[bytes] = []

    def ask(line: Line) -> None:
        line.send(GREETING)
        sent.append(line.read())
        line.send(b"\xfe" + way.encode() + b"\x00" + b"\x02Password: ")
        sent.append(line.read())

    with (
        fake_mysql(ask) as port,
        pytest.raises(errors.TlsFailed, match="readable"),
        visit(to(host="127.0.0.1", port=port, password=PASSWORD, tls_mode=tls_mode)),
    ):
        pass
    assert sent[0], "the client did begin to log in"
    assert sent[1] == b""


def test_a_server_that_asks_for_a_file_of_this_machine_gets_none() -> None:
    sent: list[bytes] = []

    def ask(line: Line) -> None:
        line.log_in()
        line.read()  # SET NAMES
        line.send(b"\xfb/etc/passwd")
        sent.append(line.read())

    with (
        fake_mysql(ask) as port,
        pytest.raises(errors.InstanceError),
        visit(to(host="127.0.0.1", port=port)),
    ):
        pass
    assert b"root" not in sent[0]
