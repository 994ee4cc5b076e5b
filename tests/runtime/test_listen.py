"""LISTEN: it is tested at start, heals, and where it gets nowhere the loop polls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import connection

from jobs.conf import conf
from jobs.executions.revision import bump_revision
from jobs.models import JobExecution, Status
from jobs.runtime import wakeup
from jobs.runtime.scheduler import SchedcoreScheduler
from jobs.runtime.wakeup import SLOW_POLL_S, Listening
from tests.chaos.processes import database_url
from tests.runtime.runs import make_due
from tests.waiting import until

needs_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite cannot notify"
)


class Network:
    """What the listener connects through, which may be interrupted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_up = True
        self.attempts = 0
        genuine = psycopg.connect

        def connect(*args: Any, **kwargs: Any) -> Any:
            self.attempts += 1
            if not self.is_up:
                raise psycopg.OperationalError("no route to host")
            return genuine(*args, **kwargs)

        monkeypatch.setattr(wakeup.psycopg, "connect", connect)
        monkeypatch.setattr(wakeup, "RECONNECT_S", 0.01)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


@pytest.fixture
def woken() -> threading.Event:
    """Is set whenever the loop would be woken."""
    return threading.Event()


@pytest.fixture
def listening(transactional_db: None, woken: threading.Event) -> Iterator[Listening]:
    listening = Listening(woken.set)
    yield listening
    listening.stop()
    listening._thread.join(10)
    connection.close()


def is_heard(listening: Listening, woken: threading.Event) -> None:
    """A change wakes the loop, which then finds that something was heard."""
    listening.take_notified()
    woken.clear()
    bump_revision()
    assert woken.wait(20)
    assert listening.take_notified()
    assert not listening.take_notified(), "it is asked once for each"


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.__dict__.get("event")) for record in caplog.records]


def terminate_listener() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'schedcore listen' AND datname = current_database()"
        )
        assert (True,) in cursor.fetchall()


@needs_postgresql
def test_a_listener_whose_probe_is_heard_is_trusted_and_hears_every_change(
    listening: Listening, woken: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    listening.start()
    assert listening.poll_interval_s == SLOW_POLL_S > conf().poll_interval_s
    for _change in range(3):
        is_heard(listening, woken)
    assert events(caplog) == []


@needs_postgresql
def test_a_listener_that_was_cut_off_polls_until_it_hears_again(
    listening: Listening,
    woken: threading.Event,
    network: Network,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listening.start()
    is_heard(listening, woken)
    woken.clear()
    network.is_up = False
    with caplog.at_level(logging.INFO, logger="jobs"):
        terminate_listener()
        assert woken.wait(20), "the loop has to reckon anew how long it may sleep"
        assert listening.poll_interval_s == conf().poll_interval_s
        before = network.attempts
        until(lambda: network.attempts > before + 5)
        assert events(caplog) == ["wakeup.lost"], "once, however often it is tried"
        listening.take_notified()
        woken.clear()
        network.is_up = True
        assert woken.wait(20)
        assert listening.take_notified(), "something may have changed meanwhile"
        assert listening.poll_interval_s == SLOW_POLL_S
        is_heard(listening, woken)
    assert events(caplog) == ["wakeup.lost", "wakeup.regained"]


@needs_postgresql
@pytest.mark.parametrize(
    ("elsewhere", "event", "said"),
    [
        pytest.param(
            "postgres", "wakeup.listen_failed", "SCHEDCORE_LISTEN_URL", id="of another database"
        ),
        pytest.param(
            "no_such_database", "wakeup.lost", "polling", id="that cannot be connected to"
        ),
    ],
)
def test_where_listen_gets_nowhere_the_loop_polls_and_the_log_says_why(
    elsewhere: str,
    event: str,
    said: str,
    listening: Listening,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As through a pooler that gives the connection to somebody else."""
    listen_at(elsewhere, settings, monkeypatch)
    listening.start()
    assert listening.poll_interval_s == conf().poll_interval_s
    (failed,) = (r for r in caplog.records if r.__dict__["event"] == event)
    assert said in failed.getMessage()


def listen_at(name: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no notification of this database gets to."""
    url = database_url().rpartition("/")[0] + f"/{name}"
    settings.SCHEDCORE = replace(settings.SCHEDCORE, listen_url=url)
    monkeypatch.setattr(wakeup, "PROBE_TIMEOUT_S", 0.3)  # it would be waited for in vain


@needs_postgresql
def test_a_scheduler_that_cannot_listen_hears_of_a_change_by_its_poll(
    start_scheduler: Callable[..., SchedcoreScheduler],
    job: Callable[..., Any],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not by the heartbeat, which looks at the revision as well."""

    def quick() -> None:
        pass

    listen_at("postgres", settings, monkeypatch)
    settings.SCHEDCORE = replace(settings.SCHEDCORE, lease_ttl_s=600.0)
    made = job(quick)
    scheduler = start_scheduler()
    until(lambda: scheduler.membership.is_leader)
    make_due(made.pk)
    until(lambda: JobExecution.objects.filter(status=Status.SUCCEEDED).exists())
