"""The line to a MariaDB or MySQL server before it is spoken on: address, socket, TLS, deadline."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _

from jobs.estate.adapters import errors
from jobs.estate.adapters.base import ConnectionTarget

DEFAULT_PORT = 3306

UNENCRYPTED = frozenset({"disable", "prefer"})
"""The TLS modes in which a line may turn out to be readable by others."""


class HangUp:
    """Shuts a connection down at a moment. A timeout of the socket would begin anew with every
    byte that comes, and would not hold for the handshake of TLS."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line.dup()  # the driver may wrap the original up
        self._timer = threading.Timer(0, self._shut_down)
        self.has_struck = False

    def at(self, moment: float) -> None:
        """`moment` on the monotonic clock; the one before is forgotten."""
        self._timer.cancel()
        self._timer = threading.Timer(max(0.0, moment - time.monotonic()), self._shut_down)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()
        self._line.close()

    def _shut_down(self) -> None:
        self.has_struck = True
        with suppress(OSError):  # it has been closed already
            self._line.shutdown(socket.SHUT_RDWR)


def dial(target: ConnectionTarget, connect_by: float) -> socket.socket:
    """A connected socket: to the first address that answers, each with a share of the time."""
    addresses = _addresses(target)
    for waiting in range(len(addresses), 0, -1):
        family, address = addresses[-waiting]
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(max(0.001, (connect_by - time.monotonic()) / waiting))
            line.connect(address)
        except OSError as error:
            line.close()
            if waiting == 1:
                raise _why_not_reached(target, error) from None
        else:
            if family != socket.AF_UNIX:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return line
    raise errors.NameNotFound(target.host)


def _addresses(target: ConnectionTarget) -> list[tuple[int, Any]]:
    """Family and address of each; a host that begins with a slash is the path of a socket."""
    if target.host.startswith("/"):
        return [(socket.AF_UNIX, target.host)]
    try:
        found = socket.getaddrinfo(
            target.host, target.port or DEFAULT_PORT, type=socket.SOCK_STREAM
        )
    except (OSError, ValueError):
        raise errors.NameNotFound(target.host) from None
    return [(family, address) for family, _kind, _protocol, _name, address in found]


def _why_not_reached(target: ConnectionTarget, error: OSError) -> errors.InstanceError:
    if isinstance(error, TimeoutError):
        return errors.DidNotAnswer(target.connect_timeout_s)
    if isinstance(error, ConnectionRefusedError | FileNotFoundError):
        return errors.Refused(target.host, target.port)
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return errors.Unreachable(target.host)
    return errors.InstanceError(errors.redacted(error, target.password))


def tls_context(target: ConnectionTarget) -> ssl.SSLContext | None:
    """None where TLS is off or only preferred; then PyMySQL does the right thing by itself."""
    if target.tls_mode in UNENCRYPTED:
        return None
    try:
        context = ssl.create_default_context(cadata=target.ca or None)
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise errors.TlsFailed(
            _("The CA certificates cannot be read: %(reason)s") % {"reason": error}
        ) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # those that MySQL makes itself are not strict
    context.check_hostname = target.tls_mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if target.tls_mode == "require" else ssl.CERT_REQUIRED
    return context
