"""Pulse: the loop's signs of life, and its connection, as the watchdog may cut it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper


class Pulse:
    """Felt by the loop's thread at each statement and step, read by the watchdog's thread.

    Statements and not steps: a step may wait for several locks in a row, each wait bounded.
    """

    def __init__(self) -> None:
        self.is_connecting = False
        """It waits for a new connection, or for the name of its server to be resolved."""
        self._expected_by: float | None = None
        self._wrapper: BaseDatabaseWrapper | None = None

    @property
    def silent_s(self) -> float:
        """Seconds since a sign of life was due."""
        if self._expected_by is None:
            return 0.0
        return max(time.monotonic() - self._expected_by, 0.0)

    def beat(self) -> None:
        """The loop works."""
        self._expected_by = time.monotonic()

    def rest(self, wait_s: float) -> None:
        """The loop has nothing to do for so long."""
        self._expected_by = time.monotonic() + wait_s

    def watch(self, wrapper: BaseDatabaseWrapper) -> None:
        """Feel the statements of this thread's connection, before its first one.

        It is taken out of the pool, whose connections are tried before use, out of reach
        here: a server that is frozen would hold the loop up in that trial for ever.
        """
        options = {**wrapper.settings_dict["OPTIONS"]}
        options.pop("pool", None)
        wrapper.settings_dict = {**wrapper.settings_dict, "OPTIONS": options}
        connect = wrapper.get_new_connection

        def connect_and_feel(parameters: Any) -> Any:
            self.is_connecting = True
            self.beat()
            try:
                return connect(parameters)
            finally:
                self.beat()
                self.is_connecting = False

        wrapper.get_new_connection = connect_and_feel  # type: ignore[method-assign,assignment]
        wrapper.execute_wrappers.append(self._execute_and_feel)
        self._wrapper = wrapper
        self.beat()

    def cut(self) -> bool:
        """End the connection from outside, so that a statement that waits for a server or a
        network which has fallen silent raises; False if there is none to cut."""
        connection = self._wrapper.connection if self._wrapper else None
        if not isinstance(connection, psycopg.Connection):
            return False
        with suppress(OSError, psycopg.Error):
            number = connection.pgconn.socket
            with socket.socket(fileno=os.dup(number)) as held:
                # Held now, so it is not another's that was given the number meanwhile.
                if connection.pgconn.socket == number:
                    held.shutdown(socket.SHUT_RDWR)
                    return True
        return False

    def _execute_and_feel(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        self.beat()
        try:
            return execute(sql, params, many, context)
        finally:
            self.beat()
