"""A server that speaks just enough of MySQL's protocol to misbehave in it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[["Line"], None]

OK = b"\x00\x00\x00\x02\x00\x00\x00"
CAPABILITIES = 0x000FF7FF & ~0x0800
"""As of a server of today, but for TLS."""

GREETING = (
    b"\x0a10.11.0-MariaDB\x00"
    + struct.pack("<I", 1)
    + b"saltsalt\x00"
    + struct.pack("<HBHH", CAPABILITIES & 0xFFFF, 45, 2, CAPABILITIES >> 16)
    + b"\x15"
    + b"\x00" * 10
    + b"saltsaltsalt\x00mysql_native_password\x00"
)


class Line:
    """A client's connection, packet by packet; `read` gives b"" when the client has gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rwb")
        self._number = 0

    def send(self, payload: bytes) -> None:
        self.send_raw(struct.pack("<I", len(payload))[:3] + bytes([self._number]) + payload)

    def send_raw(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()

    def read(self) -> bytes:
        header = self._file.read(4)
        if len(header) < 4:
            return b""
        self._number = (header[3] + 1) % 256
        return self._file.read(int.from_bytes(header[:3], "little"))

    def log_in(self) -> bytes:
        """Greet and let anybody in; what the client sent."""
        self.send(GREETING)
        answer = self.read()
        self.send(OK)
        return answer

    def close(self) -> None:
        self._file.close()


@contextmanager
def fake_mysql(script: Script) -> Iterator[int]:
    """The port of a server that plays the script to one client and then hangs up."""
    problems: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                line = Line(connection)
                try:
                    script(line)
                    line.close()
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client has had enough
                except BaseException as problem:
                    problems.append(problem)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert not problems
