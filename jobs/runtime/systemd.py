"""sd_notify(3): what a service tells systemd of itself, over a datagram socket.

Nothing here raises: a service manager that does not listen must not stop the scheduler.
"""

from __future__ import annotations

import logging
import os
import socket
import time

logger = logging.getLogger(__name__)

ITS_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

SEND_LIMIT_S = 1.0

SIGNS_PER_LIMIT = 3
"""How often within its limit systemd gets a sign of life; it asks for more than two."""


class Notifier:
    """Speaks to the socket at `address` (empty: to nobody), which expects a sign of life every
    `watchdog_s` seconds (0: none)."""

    def __init__(self, address: str, watchdog_s: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval_s = watchdog_s / SIGNS_PER_LIMIT
        self._next_sign = 0.0
        self._status = ""
        self._is_failing = False

    def ready(self, status: str) -> None:
        """The service has begun its work."""
        self._status = status
        self._send("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """What it does now, in a few words; sent when that is something else than before."""
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def alive(self) -> None:
        """It works. May be called as often as one likes; it is sent when it is time to."""
        now = time.monotonic()
        if self._interval_s and now >= self._next_sign:
            self._next_sign = now + self._interval_s
            self._send("WATCHDOG=1")

    @property
    def next_sign_in_s(self) -> float | None:
        """Seconds until `alive` should be called; None if nobody waits for it."""
        if not self._address or not self._interval_s:
            return None
        return max(self._next_sign - time.monotonic(), 0.0)

    def stopping(self, status: str) -> None:
        """It has begun to end."""
        self._status = status
        self._send("STOPPING=1", f"STATUS={status}")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        message = "\n".join(line.replace("\n", " ") for line in lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(SEND_LIMIT_S)
                sender.sendto(message.encode(), self._address)
        except (OSError, ValueError) as error:
            if not self._is_failing:
                logger.warning(
                    "systemd cannot be told how this service does",
                    extra={"event": "systemd.unreachable", "error": str(error)},
                )
            self._is_failing = True
        else:
            self._is_failing = False


def withdraw_from_environment() -> None:
    """Keep child processes from speaking for this service, as sd_notify(3) does if asked."""
    for name in ITS_VARIABLES:
        os.environ.pop(name, None)
