"""A client's own system: takes webhooks in a thread of the test, checks signatures, answers as told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import PATIENCE_S

HANG = 0
"""An answer that comes only after `release`."""


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """As the specification of Standard Webhooks says, and by none of the sender's code."""
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
        given = [each.split(",", 1) for each in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and value == expected for version, value in given)


class Receiver:
    """What came in, in order; may be read from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self.port = 0
        self.requests: list[Received] = []
        self.redirect_to = ""
        self.words = "fine"
        self._answers: dict[str, list[int]] = {}
        self._changed = threading.Condition()
        self._released = threading.Event()

    def answer(self, path: str, *statuses: int) -> None:
        """What requests to a path are answered with, one after the other; the last goes on."""
        self._answers[path] = list(statuses)

    def at(self, path: str) -> list[Received]:
        return [request for request in list(self.requests) if request.path == path]

    def wait(self, is_true: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_true, PATIENCE_S), f"it did not come: {self.requests}"

    def release(self) -> None:
        self._released.set()

    def status(self, request: Received) -> int:
        with self._changed:
            self.requests.append(request)
            answers = self._answers.get(request.path, [204])
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            self._changed.notify_all()
        if status == HANG:
            self._released.wait(PATIENCE_S)
            return 204
        return status


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on the loopback interface, on a port of its own or on one where another stood."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.status(Received(self.path, headers, body))
            words = b"" if status == 204 else receiver.words.encode()
            try:
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", receiver.redirect_to)
                self.send_header("content-length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)
            except ConnectionError:
                pass  # the sender has given up, or died

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.port = server.server_port
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.release()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def nobody_at(port: int) -> Iterator[None]:
    """Keep a port where nobody listens from being given to another program."""
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", port))
        yield
