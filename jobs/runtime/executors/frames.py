"""Messages between a scheduler, its fork server and their children: JSON, never a pickle."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]

HEADER = struct.Struct("!I")
MAX_BYTES = 64 * 1024 * 1024
READ_BYTES = 65536


class BrokenFrame(Exception):
    """What came is no message; nothing after it can be understood."""


def packed(message: Message) -> bytes:
    """The message as it travels: its length, then JSON in ASCII (half surrogates survive)."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEADER.pack(len(body)) + body


class Unpacker:
    """Puts messages together again from bytes that come in any portions."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now. Raises BrokenFrame."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            (size,) = HEADER.unpack_from(self._buffer)
            if size > MAX_BYTES:
                raise BrokenFrame(f"a message of {size} bytes")
            end = HEADER.size + size
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            try:
                message = json.loads(body)
            except ValueError as error:
                raise BrokenFrame(str(error)) from error
            if not isinstance(message, dict):
                raise BrokenFrame(f"a {type(message).__name__}")
            yield message
