"""A wire between a client and a server that a test can slow down, silence or cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Address = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""


class Proxy:
    """Passes bytes on between whoever connects to `address` and the server at `upstream`."""

    def __init__(self, upstream: Address, *, folder: Path | None = None) -> None:
        """Listens on a port of 127.0.0.1 or, given a folder, as PostgreSQL's unix socket in it."""
        self._upstream = upstream
        self._listener = _listener(folder)
        name = self._listener.getsockname()
        self.address: Address = name if isinstance(name, str) else (name[0], name[1])
        self.delay_s = 0.0
        """Every answer waits so long."""
        self.on_request: Callable[[bytes], bytes | None] = lambda _data: None
        """Sees what a client sends; bytes it returns are answered instead of asking the server."""
        self._is_open = threading.Event()
        self._is_open.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Keep every connection and pass nothing on."""
        self._is_open.clear()

    def resume(self) -> None:
        self._is_open.set()

    def cut(self) -> None:
        """Close every connection."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for side in pair:
                _close(side)

    def close(self) -> None:
        _close(self._listener)
        self.cut()
        self.resume()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = _connect(self._upstream)
                except OSError:
                    _close(client)
                    continue
                self._pairs.append((client, server))
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        for data in _pieces(client, server):
            self._is_open.wait()
            answer = self.on_request(data)
            with suppress(OSError):
                (server if answer is None else client).sendall(data if answer is None else answer)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        for data in _pieces(server, client):
            self._is_open.wait()
            time.sleep(self.delay_s)
            with suppress(OSError):
                client.sendall(data)


@contextmanager
def proxied(upstream: Address, *, folder: Path | None = None) -> Iterator[Proxy]:
    proxy = Proxy(upstream, folder=folder)
    try:
        yield proxy
    finally:
        proxy.close()


def _pieces(source: socket.socket, other: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while data := source.recv(65_536):
            yield data
    _close(source)
    _close(other)


def _listener(folder: Path | None) -> socket.socket:
    if folder is None:
        return socket.create_server(("127.0.0.1", 0), backlog=256)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / ".s.PGSQL.5432"))
    listener.listen(256)
    return listener


def _connect(address: Address) -> socket.socket:
    if not isinstance(address, str):
        return socket.create_connection(address)
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    return server


def _close(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
