"""A model vendor of its own process' making: HTTP as OpenAI speaks it, held back and counted by the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import PATIENCE_S

TOKENS_INPUT = 30
TOKENS_OUTPUT = 4

Delta = dict[str, Any]
Script = Callable[[Sequence[dict[str, Any]]], Sequence[Delta]]
"""Given the messages of a request, the deltas of its answer."""


class ModelServer:
    """Streams what `script` says; every whole answer reports 30 tokens in, 4 out."""

    HELLO: Script = staticmethod(lambda _messages: [{"content": "Hello "}, {"content": "there."}])

    def __init__(self) -> None:
        self.script = self.HELLO
        self.requests: list[dict[str, Any]] = []
        self.reported = 0
        """Answers whose report of usage was sent."""
        self._changed = threading.Condition()
        self._is_open = threading.Event()
        self._is_open.set()
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(), bind_and_activate=False)
        server.daemon_threads = True
        server.request_queue_size = 512
        server.server_bind()
        server.server_activate()
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def hold(self) -> None:
        """Keep answers back after their first words."""
        self._is_open.clear()

    def release(self) -> None:
        self._is_open.set()

    def asked(self, times: int) -> None:
        """Wait until so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= times, PATIENCE_S), len(self.requests)

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def _note(self, body: dict[str, Any]) -> None:
        with self._changed:
            self.requests.append(body)
            self._changed.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                # Whoever asked may be gone.
                with suppress(OSError):
                    model._answer(body, self.wfile.write)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _answer(self, body: dict[str, Any], write: Callable[[bytes], Any]) -> None:
        deltas, name = self.script(body["messages"]), body["model"]
        first, *rest = deltas
        write(_chunk(name, [{"index": 0, "delta": first, "finish_reason": None}]))
        self._note(body)
        self._is_open.wait(PATIENCE_S)
        for delta in rest:
            write(_chunk(name, [{"index": 0, "delta": delta, "finish_reason": None}]))
        reason = "tool_calls" if "tool_calls" in first else "stop"
        write(_chunk(name, [{"index": 0, "delta": {}, "finish_reason": reason}]))
        usage = {"prompt_tokens": TOKENS_INPUT, "completion_tokens": TOKENS_OUTPUT}
        write(_chunk(name, [], usage=usage))
        write(b"data: [DONE]\n\n")
        with self._changed:
            self.reported += 1


def tool_call(name: str, arguments: dict[str, Any], number: int = 0) -> Delta:
    """A delta that calls a tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
    return {"tool_calls": [call]}


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.close()


def _chunk(name: str, choices: Sequence[Any], **more: Any) -> bytes:
    event = {"id": "c", "object": "chat.completion.chunk", "model": name, "choices": choices, **more}
    return b"data: " + json.dumps(event).encode() + b"\n\n"
