"""Asking one PostgreSQL database after another, each within its share of the time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from jobs.estate.adapters import errors
from jobs.estate.adapters.postgresql_databases import DatabaseEntry, ask_each, list_databases
from tests.estate.conftest import PostgresServer
from tests.estate.postgresql import to, visit

pytestmark = pytest.mark.once


def entries(home: Any, *names: str) -> list[DatabaseEntry]:
    found = {entry.name: entry for entry in list_databases(home)}
    return [found[name] for name in names]


def own_name(there: Any) -> str:
    [(name,)] = there.rows("SELECT current_database()")
    return str(name)


@pytest.mark.parametrize(
    "name", ["Sales", "two words", 'quo"ted', "it's", "dot.ted", "größe_数据", "a=b", "\\x"]
)
def test_every_database_answers_for_itself(postgres: PostgresServer, name: str) -> None:
    database = postgres.make_database(f"{name}_{uuid.uuid4().hex[:8]}")
    with visit(to()) as session:
        answers = ask_each(session._home, entries(session._home, database, "postgres"), own_name)
    assert answers.read == {database: database, "postgres": "postgres"}
    assert answers.unread == {}


def test_a_stuck_database_does_not_starve_the_others(postgres: PostgresServer) -> None:
    stuck, fine = postgres.make_database(), postgres.make_database()

    def sleep(there: Any) -> str:
        if own_name(there) in (stuck, "postgres"):
            there.rows("SELECT pg_sleep(60)")
        return own_name(there)

    with visit(to(statement_timeout_s=4)) as session:
        home = session._home
        answers = ask_each(home, entries(home, stuck, "postgres", fine), sleep)
        assert home.rows("SELECT 1") == [(1,)], "the visit itself goes on"
    assert answers.read == {fine: fine}
    assert set(answers.unread) == {stuck, "postgres"}
    assert "did not answer within" in answers.unread[stuck]


def test_a_database_whose_turn_does_not_come_says_so(postgres: PostgresServer) -> None:
    first, second = postgres.make_database(), postgres.make_database()

    def use_up(there: Any) -> bool:
        home.ends_at = 0.0
        return True

    with visit(to()) as session:
        home = session._home
        answers = ask_each(home, entries(home, first, second), use_up)
    assert answers.read == {first: True}
    assert answers.unread == {second: errors.NotReached(30).message}


def test_a_lost_server_is_an_error_and_no_list_of_unread_databases(
    postgres: PostgresServer,
) -> None:
    other = postgres.make_database()
    with visit(to()) as session:
        home = session._home
        chosen = entries(home, "postgres", other)
        [(pid,)] = home.rows("SELECT pg_backend_pid()")
        postgres.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(errors.ConnectionLost):
            ask_each(home, chosen, own_name)


def test_the_others_are_asked_at_the_address_that_was_reached(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres.make_database()
    with visit(to()) as session:
        home = session._home
        chosen = entries(home, database)
        monkeypatch.setattr("socket.getaddrinfo", None)  # a name that is looked up would fail
        assert ask_each(home, chosen, own_name).read == {database: database}
