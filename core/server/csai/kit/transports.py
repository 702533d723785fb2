"""Transports for vendors' SDKs: httpx and httpx2 on top, aiohttp's parser and connections below."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Mapping
from types import ModuleType
from typing import Any

import aiohttp
import yarl

from csai.kit.pool import ConnectionLost, Pool, failure_text, request_body

# Where a message ends decides what the next client on the same connection reads: aiohttp says it.
OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

PACE_S = 0.05
# The first token is what a visitor waits for; role and framing may come before it in reads of their own.
_UNPACED_READS = 4
_TOKEN_BY_TOKEN = frozenset({"text/event-stream", "application/x-ndjson"})

# The first match counts. The names are those of httpx's and httpx2's exceptions.
_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "ConnectTimeout"),
    (aiohttp.SocketTimeoutError, "ReadTimeout"),
    (TimeoutError, "WriteTimeout"),
    (aiohttp.ClientConnectorError, "ConnectError"),
    (ConnectionLost, "RemoteProtocolError"),
    (aiohttp.ClientConnectionError, "ReadError"),
    (aiohttp.ClientPayloadError, "RemoteProtocolError"),
    (aiohttp.ClientResponseError, "RemoteProtocolError"),
    (OSError, "ReadError"),
    (ValueError, "LocalProtocolError"),
    (aiohttp.ClientError, "TransportError"),
)


def make_transport(library: ModuleType, pool: Pool) -> Any:
    """An `AsyncBaseTransport` of `library`, which is httpx or httpx2, on the connections of `pool`."""
    return _transport_class(library)(library, pool)


@functools.cache
def _transport_class(library: ModuleType) -> Any:
    return type("OutboundTransport", (_Transport, library.AsyncBaseTransport), {})


@functools.cache
def _body_class(library: ModuleType) -> Any:
    return type("OutboundBody", (_Body, library.AsyncByteStream), {})


class _Transport:
    """Closing one gives nothing back: the connections belong to the process and serve others too."""

    def __init__(self, library: ModuleType, pool: Pool) -> None:
        self._library = library
        self._pool = pool

    async def handle_async_request(self, request: Any) -> Any:
        limits: Mapping[str, float | None] = request.extensions.get("timeout", {})
        try:
            url = self._url(request.url)
            content = await request.aread()
            async with asyncio.timeout(_head_timeout_s(limits)):
                answer = await self._pool.session.request(
                    request.method,
                    url,
                    headers=_headers(request.headers.raw),
                    data=request_body(content),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(
                        total=None, connect=limits.get("connect"), sock_read=limits.get("read")
                    ),
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = _library_error(self._library, error, is_guarded=self._pool.is_guarded)
        else:
            return self._response(answer)
        # Raised out here so that it carries no context: that would name the address.
        raise failure

    def _url(self, url: Any) -> yarl.URL:
        if url.scheme not in ("http", "https"):
            raise self._library.UnsupportedProtocol("only http and https can be reached")
        if url.userinfo and self._pool.is_guarded:
            raise self._library.UnsupportedProtocol("a URL with a user name is not taken")
        return yarl.URL(f"{url.scheme}://{url.netloc.decode()}{url.raw_path.decode()}", encoded=True)

    def _response(self, answer: aiohttp.ClientResponse) -> Any:
        return self._library.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_body_class(self._library)(self._library, answer, self._pool.is_guarded),
            extensions={"http_version": b"HTTP/1.1"},
        )


class _Body:
    """The bytes as they came off the wire; the SDK's client decodes them.

    An answer that comes token by token is read at a steady pace after its first few reads: what comes within
    `PACE_S` is handed on together, at a fraction of the work, and nobody reads faster. Its end waits for
    nothing.
    """

    def __init__(self, library: ModuleType, answer: aiohttp.ClientResponse, is_guarded: bool) -> None:
        self._library = library
        self._answer = answer
        self._is_guarded = is_guarded
        self._pause: asyncio.Future[None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._answer.content
        unpaced = _UNPACED_READS if self._answer.content_type in _TOKEN_BY_TOKEN else sys.maxsize
        content.on_eof(self._go_on)
        try:
            while chunk := await content.readany():
                yield chunk
                unpaced -= 1
                if unpaced < 0 and not content.is_eof():
                    await self._gather()
            return
        except (aiohttp.ClientError, OSError) as error:
            failure = _library_error(self._library, error, is_guarded=self._is_guarded)
        # What came before the break counts; aiohttp's public methods would raise before handing it over.
        if rest := content._read_nowait(-1):
            yield rest
        raise failure

    async def aclose(self) -> None:
        # A body read to its end has given its connection back already; a cut one cannot be used again.
        self._answer.close()

    async def _gather(self) -> None:
        loop = asyncio.get_running_loop()
        self._pause = loop.create_future()
        timer = loop.call_later(PACE_S, self._go_on)
        try:
            await self._pause
        finally:
            timer.cancel()

    def _go_on(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)


def _headers(raw: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]
    return [pair for pair in headers if pair[0].lower() not in OWN_HEADERS]


def _head_timeout_s(limits: Mapping[str, float | None]) -> float | None:
    """aiohttp has no timeout for writing: without this a peer that stops reading would hold the request."""
    connect, write, read = limits.get("connect"), limits.get("write"), limits.get("read")
    if connect is None or write is None or read is None:
        return None
    return connect + write + read


def _library_error(library: ModuleType, error: Exception, *, is_guarded: bool) -> Exception:
    name = next(name for kind, name in _ERRORS if isinstance(error, kind))
    text = failure_text(error) if is_guarded else str(error) or type(error).__name__
    failure: Exception = getattr(library, name)(text)
    return failure
