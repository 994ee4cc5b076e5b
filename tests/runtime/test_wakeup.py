"""LISTEN: how it connects, when it is trusted, and what it survives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

from jobs.conf import conf
from jobs.executions.revision import CHANNEL
from jobs.runtime import wakeup as wakeup_module
from jobs.runtime.wakeup import SLOW_POLL_S, Listening
from tests.chaos.processes import database_url
from tests.runtime.proxy import Proxy
from tests.waiting import until

pytestmark = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no LISTEN"),
    pytest.mark.django_db(transaction=True),
]

StartListening = Callable[..., Listening]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup_module, "RECONNECT_S", 0.05)


@pytest.fixture
def listen() -> Iterator[StartListening]:
    started: list[Listening] = []

    def start(listening: Listening | None = None) -> Listening:
        listening = listening or Listening(lambda: None)
        started.append(listening)
        listening.start()
        return listening

    yield start
    for listening in started:
        listening.stop()
        listening._thread.join(20)
        assert not listening._thread.is_alive()


@pytest.fixture
def proxy(settings: Any) -> Iterator[Proxy]:
    """A network between LISTEN and the server."""
    server = connection.settings_dict
    made = Proxy(server["HOST"] or "127.0.0.1", int(server["PORT"] or 5432))
    made.start()
    url = f"postgres://{server['USER']}@127.0.0.1:{made.port}/{server['NAME']}"
    settings.SCHEDCORE = replace(settings.SCHEDCORE, listen_url=url)
    yield made
    made.stop()


def notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.event for record in caplog.records if record.name == wakeup_module.__name__]


# -- How it connects ----------------------------------------------------------------------


def test_it_connects_with_all_that_the_databases_address_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "sslcert": "/etc/schedcore/client.crt",
        "sslkey": "/etc/schedcore/client.key",
        "passfile": "/etc/schedcore/pgpass",
        "target_session_attrs": "read-write",
        "host": "one,two",
        "port": "5432,5433",
        "connect_timeout": 2,
    }
    options = {**connection.settings_dict["OPTIONS"], **given, "isolation_level": 3}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    monkeypatch.setitem(connection.settings_dict, "HOST", "")
    monkeypatch.setitem(connection.settings_dict, "PORT", "")
    found = wakeup_module._connection_parameters()
    assert given.items() <= found.items()
    psycopg.conninfo.make_conninfo(**{n: v for n, v in found.items() if n != "autocommit"})


@pytest.mark.parametrize("has_own_address", [False, True])
def test_the_server_accepts_it(
    monkeypatch: pytest.MonkeyPatch, settings: Any, has_own_address: bool
) -> None:
    wanted = "-cstatement_timeout=12345"
    if has_own_address:
        url = f"{database_url()}?options={quote(wanted)}"
        settings.SCHEDCORE = replace(settings.SCHEDCORE, listen_url=url)
    else:
        options = {**connection.settings_dict["OPTIONS"], "options": wanted}
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    with psycopg.connect(**wakeup_module._connection_parameters()) as made:
        assert made.execute("SHOW statement_timeout").fetchone() == ("12345ms",)
        assert made.info.parameter_status("application_name") == "schedcore listen"


# -- When it is trusted -------------------------------------------------------------------


def test_polls_are_slow_once_its_own_notification_gets_through(
    listen: StartListening, caplog: pytest.LogCaptureFixture
) -> None:
    assert listen().poll_interval_s == SLOW_POLL_S
    assert events(caplog) == []


def test_a_probe_that_is_lost_does_not_mean_polling_for_good(
    listen: StartListening,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Connected(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            found = super().wait(20)
            proxy.is_silent = True
            monkeypatch.setattr(wakeup_module, "PROBE_TIMEOUT_S", 0.05)
            return found

    listening = Listening(lambda: None)
    listening._connected = Connected()
    listen(listening)
    assert listening.poll_interval_s == conf().poll_interval_s
    assert events(caplog) == ["wakeup.listen_failed"]
    proxy.is_silent = False
    until(lambda: listening.poll_interval_s == SLOW_POLL_S)
    assert events(caplog) == ["wakeup.listen_failed"]


def test_a_server_that_answers_later_is_listened_to_and_a_pooler_is_not_blamed(
    listen: StartListening,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
) -> None:
    monkeypatch.setattr(wakeup_module, "PROBE_TIMEOUT_S", 0.05)
    caplog.set_level(logging.INFO, wakeup_module.__name__)
    reachable = settings.SCHEDCORE
    settings.SCHEDCORE = replace(reachable, listen_url="postgres://nobody@127.0.0.1:1/nowhere")
    listening = listen()
    until(lambda: "wakeup.lost" in events(caplog))
    assert listening.poll_interval_s == conf().poll_interval_s
    settings.SCHEDCORE = reachable
    until(listening._connected.is_set)
    notify()
    until(lambda: listening.poll_interval_s == SLOW_POLL_S)
    assert events(caplog) == ["wakeup.lost", "wakeup.regained"]
    assert "pooler" not in caplog.text


# -- What it survives ---------------------------------------------------------------------


def test_a_connection_that_is_lost_is_said_once_and_made_again(
    listen: StartListening, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, wakeup_module.__name__)
    listening = listen()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'schedcore listen' AND datname = current_database()"
        )
    until(lambda: events(caplog) == ["wakeup.lost", "wakeup.regained"])
    assert caplog.records[0].exc_info is None
    until(lambda: listening.poll_interval_s == SLOW_POLL_S)


def test_what_goes_wrong_in_its_thread_does_not_end_it(
    listen: StartListening, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, wakeup_module.__name__)
    intervals: list[float] = []
    is_broken = threading.Event()

    def wake() -> None:
        if is_broken.is_set():
            is_broken.clear()
            raise RuntimeError("not a fault of the database")
        intervals.append(listening.poll_interval_s)

    listening = Listening(wake)
    listen(listening)
    is_broken.set()
    notify()
    until(lambda: events(caplog) == ["wakeup.lost", "wakeup.regained"])
    assert conf().poll_interval_s in intervals[1:], "polls are quick meanwhile"
    until(lambda: listening.poll_interval_s == SLOW_POLL_S)
    assert "RuntimeError: not a fault of the database" in caplog.text
