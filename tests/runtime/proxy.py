"""A network between a scheduler and its database that may fall silent."""

from __future__ import annotations

import selectors
import socket
import threading


class Proxy:
    """Forwards a port to the database server, unless it `is_silent`: then nothing comes through,
    and nobody is told."""

    def __init__(self, host: str, port: int) -> None:
        self.is_silent = False
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._is_over = threading.Event()
        self._is_to_forget = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._thread.start()

    def forget(self) -> None:
        """Break all connections, as a router does that was restarted; new ones get through."""
        self._is_to_forget = True

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(10)
        for one in (self._listener, *self._sockets):
            one.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._is_over.is_set():
            if self._is_to_forget:
                self._break_all()
            if self.is_silent:
                self._is_over.wait(0.01)
                continue
            for key, _events in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    self._connect()
                elif not self.is_silent and key.fileobj.fileno() >= 0:  # type: ignore[union-attr]
                    self._forward(key.fileobj, key.data)  # type: ignore[arg-type]

    def _connect(self) -> None:
        client, _address = self._listener.accept()
        server = socket.create_connection(self._server)
        self._sockets += [client, server]
        self._selector.register(client, selectors.EVENT_READ, server)
        self._selector.register(server, selectors.EVENT_READ, client)

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            data = source.recv(65536)
            if data:
                target.sendall(data)
                return
        except OSError:
            pass
        self._break(source, target)

    def _break_all(self) -> None:
        self._is_to_forget = False
        known = [key.fileobj for key in self._selector.get_map().values() if key.data]
        self._break(*known)  # type: ignore[arg-type]

    def _break(self, *sockets: socket.socket) -> None:
        for one in sockets:
            self._selector.unregister(one)
            one.close()
