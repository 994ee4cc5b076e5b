"""Wake-up: how the loop hears of a change that another process has committed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from jobs.conf import conf
from jobs.executions.revision import CHANNEL

logger = logging.getLogger(__name__)

SLOW_POLL_S = 10.0
"""The net under LISTEN."""

PROBE_TIMEOUT_S = 3.0
RECONNECT_S = 1.0

DJANGOS_OWN = ("context", "cursor_factory", "pool", "prepare_threshold")
"""What Django gives psycopg for its own cursors, besides the parameters of the connection."""


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
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._is_proved = threading.Event()
        """A notification has got through."""
        self._is_lost = False
        self._thread = threading.Thread(target=self._run, name="schedcore-listen", daemon=True)

    @property
    def poll_interval_s(self) -> float:
        """Seconds between polls: slow while LISTEN is known to work."""
        is_reliable = self._is_proved.is_set() and self._connected.is_set()
        return SLOW_POLL_S if is_reliable else conf().poll_interval_s

    def start(self) -> None:
        """Listen, and see with a notification of our own whether it gets through; if not, any
        later one that does is as good."""
        self._thread.start()
        if not self._connected.wait(PROBE_TIMEOUT_S):
            return  # which the thread says, with the reason
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
        if not self._is_proved.wait(PROBE_TIMEOUT_S):
            logger.warning(
                "LISTEN does not get through; polling until it does. Where a pooler stands "
                "between, set SCHEDCORE_LISTEN_URL to the server's own address",
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
            except Exception as error:  # one connection: say it, then connect again
                self._note_loss(error)
                self._stopping.wait(RECONNECT_S)

    def _note_loss(self, error: Exception) -> None:
        """Said once an outage, however often connecting fails."""
        self._connected.clear()
        if self._is_lost:
            return
        self._is_lost = True
        logger.warning(
            "There is no LISTEN connection; polling until there is one",
            exc_info=None if isinstance(error, psycopg.Error) else error,
            extra={
                "event": "wakeup.lost",
                "error": str(error).strip(),
                "poll_s": conf().poll_interval_s,
            },
        )
        self._wake()

    def _listen(self) -> None:
        with psycopg.connect(**_connection_parameters()) as listener:
            listener.execute(f'LISTEN "{CHANNEL}"')
            if self._is_lost:
                logger.info("LISTEN works again", extra={"event": "wakeup.regained"})
            self._is_lost = False
            self._connected.set()
            self._notified.set()
            self._wake()  # something may have changed while nobody listened
            while not self._stopping.is_set():
                for _notification in listener.notifies(timeout=1.0):
                    self._is_proved.set()
                    self._notified.set()
                    self._wake()


def make_wakeup(wake: Callable[[], None]) -> Polling | Listening:
    return Listening(wake) if connection.vendor == "postgresql" else Polling()


def _connection_parameters() -> dict[str, Any]:
    """Whatever the database's address says, of certificates and several hosts too."""
    if url := conf().listen_url:
        given: dict[str, Any] = dict(conninfo_to_dict(url))
    else:
        given = connection.get_connection_params()
        for name in DJANGOS_OWN:
            given.pop(name, None)
    return {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        **given,
        "application_name": "schedcore listen",
        "autocommit": True,
    }
