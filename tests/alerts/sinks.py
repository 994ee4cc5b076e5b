"""Services that are told: a mail server and a webhook, one that fails and one that hangs."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """What came, in order."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.port = 0


@contextmanager
def webhook() -> Iterator[Sink]:
    """Keeps what is posted or asked for; answers with its `status`."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._take({"path": self.path, **json.loads(body)})

        def do_GET(self) -> None:
            self._take({"path": self.path})

        def _take(self, found: dict[str, Any]) -> None:
            sink.got.append(found)
            self.send_response(sink.status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler), sink):
        yield sink


@contextmanager
def mail_server() -> Iterator[Sink]:
    """Takes every mail; just enough of SMTP (RFC 5321)."""
    sink = Sink()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self._say("354 go on")
                    self._take()
                self._say("221 bye" if verb == b"QUIT" else "250 ok")
                if verb == b"QUIT":
                    return

        def _take(self) -> None:
            lines = []
            while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
                lines.append(line)
            mail = message_from_string("".join(lines), policy=policy.default)
            body = mail.get_body()
            assert body is not None
            sink.got.append({"subject": mail["Subject"], "body": body.get_content()})

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), sink):
        yield sink


@contextmanager
def hanging_server() -> Iterator[Sink]:
    """Takes connections, and never says anything."""
    sink, end = Sink(), threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            sink.got.append({})
            end.wait()

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler), sink):
        try:
            yield sink
        finally:
            end.set()


@contextmanager
def _serving(server: Any, sink: Sink) -> Iterator[None]:
    server.daemon_threads = True
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
