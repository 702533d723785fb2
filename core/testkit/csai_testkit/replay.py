"""Recorded HTTP answers, played back by a real server on a loopback port.

    exchanges = load_cassette("cassettes/answer.yaml")
    async with ReplayServer(exchanges, split="byte") as server:
        ...  # give the plugin `server.url` as its base address
        assert server.requests[0].json["stream"] is True

Cassettes are VCR's yaml, with bodies as text, as (compressed) bytes or as `parsed_body`. Exchanges may be
made by hand as well: `Exchange.of_json`, `Exchange.of_events`.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from aiohttp import web

Split = Literal["whole", "event", "byte"]

# Set anew by the server that replays: they describe the recorded connection, not the answer.
_HOP_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer.

    Header names are in lower case; `body` is as sent, maybe compressed, and `content` as it was meant.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    request_json: Any = None

    @classmethod
    def of_json(
        cls, path: str, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Exchange:
        """A `POST` answered with `value` as JSON."""
        sent = {"content-type": "application/json", **(headers or {})}
        return cls("POST", path, status, sent, json.dumps(value).encode())

    @classmethod
    def of_events(cls, path: str, events: Sequence[str | Mapping[str, Any]]) -> Exchange:
        """A `POST` answered with server-sent events: each one's data as text, or as what becomes JSON.

        An object with a `type` also gets that as its event name, the way Anthropic sends it.
        """
        body = "".join(_sse_event(event) for event in events)
        return cls("POST", path, 200, {"content-type": "text/event-stream"}, body.encode())

    @property
    def content(self) -> bytes:
        """The body, decompressed."""
        match self.headers.get("content-encoding"):
            case "gzip":
                return gzip.decompress(self.body)
            case "deflate":
                return zlib.decompress(self.body)
            case _:
                return self.body

    @property
    def is_stream(self) -> bool:
        """Whether the answer came as events: server-sent ones or lines of JSON."""
        return self.headers.get("content-type", "").startswith(("text/event-stream", "application/x-ndjson"))

    def event_ends(self) -> list[int]:
        """The offsets in `body` just after each event, the last one is the body's end."""
        if self.headers.get("content-type", "").startswith("application/x-ndjson"):
            ends = [match.end() for match in re.finditer(rb"\n", self.body)]
        else:
            ends = [match.end() for match in _EVENT_END.finditer(self.body)]
        return ends if ends and ends[-1] == len(self.body) else [*ends, len(self.body)]


def load_cassette(path: str | Path) -> tuple[Exchange, ...]:
    """The exchanges of a VCR cassette in recorded order."""
    cassette = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return tuple(_exchange(interaction) for interaction in cassette["interactions"])


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """What the server under replay was asked. Header names are in lower case.

    `peer_port` is the client's: requests that share it came over one connection. `url` is the path with its
    query, `json` what the body says where it is JSON.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    json: Any
    peer_port: int = 0
    url: str = ""
    body: bytes = b""


@dataclass
class ReplayServer:
    """Plays exchanges in order, each once, to requests whose path the recorded path ends with.

    `split` says in which pieces a body is written. `cut_after` ends it after that many bytes: by a proper
    end of the body where `is_clean_cut`, else by dropping the connection. `hold_after` writes that many
    bytes and then waits until the client goes away, which `client_gone` tells. `asked` is set by the first
    request. A request that nothing is recorded for is answered 404 and stands in `requests` like the others.
    """

    exchanges: Sequence[Exchange]
    split: Split = "whole"
    cut_after: int | None = None
    is_clean_cut: bool = True
    hold_after: int | None = None
    url: str = field(default="", init=False)
    requests: list[ReceivedRequest] = field(default_factory=list, init=False)
    asked: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    client_gone: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _waiting: list[Exchange] = field(default_factory=list, init=False)
    _runner: web.AppRunner | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        self.rewind()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop answering, now; nothing listens at `url` any more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def open_connections(self) -> int:
        """How many connections clients hold open, idle ones included."""
        server = self._runner.server if self._runner is not None else None
        return len(server.connections) if server is not None else 0

    def rewind(self) -> None:
        """Start again with the first exchange; forgets the requests received."""
        self._waiting = list(self.exchanges)
        self.requests.clear()

    def play(self, exchanges: Sequence[Exchange]) -> None:
        """Play these too, after what is still to be played."""
        self._waiting.extend(exchanges)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(
            ReceivedRequest(
                method=request.method,
                path=request.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                json=_parsed(body),
                peer_port=request.get_extra_info("peername", ("", 0))[1],
                url=request.path_qs,
                body=body,
            )
        )
        self.asked.set()
        exchange = self._take(request)
        if exchange is None:
            return web.json_response(
                {"error": {"type": "not_recorded", "message": "not recorded"}}, status=404
            )
        response = web.StreamResponse(status=exchange.status, headers=exchange.headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        await self._write(exchange, response, request)
        return response

    def _take(self, request: web.Request) -> Exchange | None:
        for exchange in self._waiting:
            if exchange.method == request.method and exchange.path.endswith(request.path):
                self._waiting.remove(exchange)
                return exchange
        return None

    async def _write(self, exchange: Exchange, response: web.StreamResponse, request: web.Request) -> None:
        stop = self.cut_after if self.hold_after is None else self.hold_after
        for piece in _pieces(exchange, self.split, stop):
            await response.write(piece)
        if self.hold_after is not None:
            try:
                await asyncio.Event().wait()
            finally:
                self.client_gone.set()
        if self.cut_after is None or self.is_clean_cut:
            await response.write_eof()
        elif request.transport is not None:
            request.transport.close()


def _pieces(exchange: Exchange, split: Split, stop: int | None) -> Iterator[bytes]:
    body = exchange.body[:stop]
    if split == "byte":
        ends: Sequence[int] = range(1, len(body) + 1)
    elif split == "event":
        ends = exchange.event_ends()
    else:
        ends = [len(body)]
    start = 0
    for end in ends:
        if piece := body[start:end]:
            yield piece
        start = end


def _exchange(interaction: Mapping[str, Any]) -> Exchange:
    request, response = interaction["request"], interaction["response"]
    headers = {
        name.lower(): ", ".join(values) if isinstance(values, list) else str(values)
        for name, values in response["headers"].items()
        if name.lower() not in _HOP_HEADERS
    }
    if "parsed_body" in response:
        body = json.dumps(response["parsed_body"], ensure_ascii=False).encode()
        headers.pop("content-encoding", None)
    else:
        body = _as_bytes((response.get("body") or {}).get("string") or b"")
    return Exchange(
        method=request["method"],
        path=urlsplit(request["uri"]).path,
        status=response["status"]["code"],
        headers=headers,
        body=body,
        request_json=request.get("parsed_body", _parsed(_as_bytes(request.get("body") or b""))),
    )


def _sse_event(event: str | Mapping[str, Any]) -> str:
    if isinstance(event, str):
        return f"data: {event}\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
