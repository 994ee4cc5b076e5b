"""Wake-up: how the loop hears of a change that another process has committed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection

from jobs.conf import conf
from jobs.executions.revision import CHANNEL

logger = logging.getLogger(__name__)

SLOW_POLL_S = 10.0
"""The net under LISTEN."""

PROBE_TIMEOUT_S = 3.0
RECONNECT_S = 1.0


class Polling:
    """Where the database cannot notify: the loop looks at the revision by itself."""

    def __init__(self) -> None:
        self.poll_interval_s = conf().poll_interval_s

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def take_notified(self) -> bool:
        return False


class Listening:
    """LISTEN on a connection of its own, outside the pool, in a thread of its own."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._notified = threading.Event()
        self._probe_heard = threading.Event()
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._is_trusted = False
        self._is_lost = False
        self._thread = threading.Thread(target=self._run, name="schedcore-listen", daemon=True)

    @property
    def poll_interval_s(self) -> float:
        """Seconds between polls: slow while LISTEN is known to work."""
        is_reliable = self._is_trusted and self._connected.is_set()
        return SLOW_POLL_S if is_reliable else conf().poll_interval_s

    def start(self) -> None:
        """Listen, and see with a notification of our own that it gets through."""
        self._thread.start()
        if self._connected.wait(PROBE_TIMEOUT_S):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
            self._is_trusted = self._probe_heard.wait(PROBE_TIMEOUT_S)
        if not self._is_trusted:
            logger.warning(
                "LISTEN does not get through; polling instead. Where a pooler stands between, "
                "set SCHEDCORE_LISTEN_URL to the server's own address",
                extra={"event": "wakeup.listen_failed", "poll_s": conf().poll_interval_s},
            )

    def stop(self) -> None:
        self._stopping.set()

    def take_notified(self) -> bool:
        """Whether something was heard since this was last asked."""
        if not self._notified.is_set():
            return False  # and not cleared: it may be set just now
        self._notified.clear()
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                self._note_loss(error)
                self._stopping.wait(RECONNECT_S)

    def _note_loss(self, error: psycopg.Error) -> None:
        """Said once an outage, however often connecting fails."""
        self._connected.clear()
        if self._is_lost:
            return
        self._is_lost = True
        logger.warning(
            "The LISTEN connection was lost; connecting again",
            extra={"event": "wakeup.lost", "error": str(error).strip()},
        )
        self._wake()

    def _listen(self) -> None:
        with psycopg.connect(**_connection_parameters(), autocommit=True) as listener:
            listener.execute(f'LISTEN "{CHANNEL}"')
            if self._is_lost:
                logger.info("LISTEN works again", extra={"event": "wakeup.regained"})
            self._is_lost = False
            self._connected.set()
            self._notified.set()
            self._wake()  # something may have changed while nobody listened
            while not self._stopping.is_set():
                for _notification in listener.notifies(timeout=1.0):
                    self._probe_heard.set()
                    self._notified.set()
                    self._wake()


def make_wakeup(wake: Callable[[], None]) -> Polling | Listening:
    return Listening(wake) if connection.vendor == "postgresql" else Polling()


def _connection_parameters() -> dict[str, Any]:
    url = conf().listen_url
    common = {
        "application_name": "schedcore listen",
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    if url:
        return {"conninfo": url, **common}
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "service")
    return {name: parameters[name] for name in names if parameters.get(name)} | common
