"""The HTTP below the MCP SDK: nothing that a server does with it takes the session, or the process, along.

The SDK ends a whole session where one request fails to connect, reads answers of any length, and opens
streams again as often as the server likes. Here failures become answers to the one request they are of.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from csai_tool_mcp.failure import Kind

MAX_ANSWER_BYTES = 1_000_000
MAX_STREAMS = 16
"""Opened by one session beside its requests: the server's own, and those it asks to be taken up again."""
_GOODBYE_S = 2.0
_SESSION = "mcp-session-id"
# What the TypeScript SDK's example servers say of a session that they do not know.
_UNKNOWN_SESSION = (400, -32_000)

# Errors of JSON-RPC that no server sends: its codes begin at -32768.
CODES: dict[Kind, int] = {"unsent": -39_001, "gone": -39_002, "refused": -39_003, "lost": -39_004}
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
NO_TOKEN = "its OAuth issuer gave no token: check issuer, client, scopes and secret"  # noqa: S105
TOO_LONG = f"its answer has more than {MAX_ANSWER_BYTES} bytes"


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Answers every request to the server's endpoint, if only with what has become of it."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, endpoint: str) -> None:
        self._inner = inner
        self._endpoint = httpx2.URL(endpoint)
        self._streams = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST" and request.url == self._endpoint:
            return await self._post(request)
        if request.method == "GET" and request.url == self._endpoint:
            return await self._stream(request)
        if request.method == "DELETE":
            # The end of a session, which waits for it, and the server may be gone.
            request.extensions["timeout"] = httpx2.Timeout(_GOODBYE_S).as_dict()
        answer = await self._inner.handle_async_request(request)
        return httpx2.Response(
            answer.status_code, headers=_plain_headers(answer), content=await _read(answer)
        )

    async def _stream(self, request: httpx2.Request) -> httpx2.Response:
        self._streams += 1
        if self._streams > MAX_STREAMS:
            raise httpx2.ConnectError("too many streams")
        answer = await self._inner.handle_async_request(request)
        return httpx2.Response(answer.status_code, headers=_plain_headers(answer), stream=_Counted(answer))

    async def _post(self, request: httpx2.Request) -> httpx2.Response:
        message = _json(await request.aread())
        asked = message.get("id") if "method" in message else None
        try:
            answer = await self._inner.handle_async_request(request)
            if answer.is_success and _media_type(answer) == "text/event-stream":
                return httpx2.Response(200, headers=_plain_headers(answer), stream=_Counted(answer))
            body = await _read(answer)
        except _UNSENT as error:
            return _failed(asked, "unsent", f"it cannot be reached ({error})")
        except httpx2.TransportError as error:
            return _failed(asked, "lost", f"it gave no whole answer ({error})")
        if asked is None:
            return httpx2.Response(202)
        return self._judged(request, answer, body, asked)

    def _judged(
        self, request: httpx2.Request, answer: httpx2.Response, body: bytes, asked: Any
    ) -> httpx2.Response:
        status, said = answer.status_code, _json(body)
        code = said["error"].get("code") if isinstance(said.get("error"), dict) else None
        if _SESSION in request.headers and (status == 404 or (status, code) == _UNKNOWN_SESSION):
            return _failed(asked, "gone", "it has forgotten the session", status=404)
        is_message = said.get("jsonrpc") == "2.0" and (code is not None or "result" in said)
        if is_message and (answer.is_success or code is not None):
            return httpx2.Response(status, headers=_plain_headers(answer), content=body)
        if answer.is_success:
            return _failed(asked, "lost", "it answers with something that is not MCP")
        challenge = {name: value for name, value in answer.headers.items() if name == "www-authenticate"}
        kind: Kind = "lost" if status >= 500 else "refused"
        return _failed(asked, kind, f"it answers HTTP {status}", status=status, headers=challenge)

    async def aclose(self) -> None:
        await self._inner.aclose()


class TokenClient(httpx2.AsyncClient):
    """Turns what goes wrong on the way to an access token into the answer to the one request that needed it.

    The transport below answers each request to the server, so what is raised here is of the issuer: the
    request was not sent, or turned away.
    """

    async def send(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        try:
            return await super().send(request, **how)
        except Exception as error:
            if self.auth is None or request.method != "POST":
                raise
            message = _json(await request.aread())
            is_away = isinstance(error, httpx2.TransportError)
        kind: Kind = "unsent" if is_away else "refused"
        answer = _failed(message.get("id") if "method" in message else None, kind, NO_TOKEN, status=401)
        answer.request = request
        return answer


class _Counted(httpx2.AsyncByteStream):
    """A stream that breaks off where it becomes too long."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in _chunks(self._answer):
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


async def _read(answer: httpx2.Response) -> bytes:
    try:
        return b"".join([chunk async for chunk in _chunks(answer)])
    finally:
        await answer.aclose()


async def _chunks(answer: httpx2.Response) -> AsyncIterator[bytes]:
    if answer.headers.get("content-encoding", "identity") != "identity":
        # It was asked not to, and what comes out of it may be of any length.
        raise httpx2.ReadError("its answer is compressed")
    size = 0
    stream: Any = answer.stream
    async for chunk in stream:
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise httpx2.ReadError(TOO_LONG)
        yield chunk


def _failed(
    asked: Any, kind: Kind, reason: str, *, status: int = 502, headers: dict[str, str] | None = None
) -> httpx2.Response:
    if asked is None:
        # A notification, which nobody waits for.
        return httpx2.Response(202)
    error = {"code": CODES[kind], "message": reason, "data": {"status": status}}
    # Redirects are not followed, so their status says no more than that of an error does.
    shown = status if status >= 400 else 502
    return httpx2.Response(shown, headers=headers, json={"jsonrpc": "2.0", "id": asked, "error": error})


def _plain_headers(answer: httpx2.Response) -> list[tuple[str, str]]:
    framing = ("content-length", "transfer-encoding", "content-encoding")
    return [(name, value) for name, value in answer.headers.multi_items() if name not in framing]


def _media_type(answer: httpx2.Response) -> str:
    kind: str = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
