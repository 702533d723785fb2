"""The one door for outbound traffic: guarded where a client chose the URL, trusted where the operator did."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import yarl
from csai_sdk import HttpClient, HttpError, HttpResponse, Transports

from csai.kit.dial import Dialer
from csai.kit.egress import EgressPolicy
from csai.kit.pool import Lookup, Pool, Resolver, failure_text, request_body, system_lookup
from csai.kit.transports import OWN_HEADERS, make_transport

BAD_URL = "the address must be an http or https URL without a user name"
BAD_REQUEST = "the method or a header of the request is not valid"

# A connection that its peer is just closing swallows a request, and a tool's outcome is then unknown: below
# the 5 s of Node and uvicorn. Model vendors wait a minute and more, and a lost model call is repeated.
_SHORT_S = 4.0
_LONG_S = 30.0

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Outbound:
    """Owns the connections out of this process, one for each event loop. Made without I/O.

    Guarded and trusted traffic share no connections: one that was opened to an operator's address is
    never found by a request that must be judged.
    """

    def __init__(self, policy: EgressPolicy, *, lookup: Lookup = system_lookup) -> None:
        # Slow name servers of what clients chose hold up nothing that the operator chose.
        theirs, ours = Resolver(lookup), Resolver(lookup)
        plugins = Pool(theirs, policy=policy, keep_alive_s=_SHORT_S, trace=_progress_trace())
        guarded = Pool(theirs, policy=policy, keep_alive_s=_SHORT_S)
        trusted = Pool(ours, keep_alive_s=_LONG_S)
        operator = Pool(ours, keep_alive_s=_SHORT_S, trace=_progress_trace())
        self._resolvers = (theirs, ours)
        self._pools = (plugins, guarded, trusted, operator)
        self.http: HttpClient = _Http(plugins)
        self.operator_http: HttpClient = _Http(operator)
        """For addresses in the operator's own configuration, which may lie inside."""
        self.transports: Transports = _Transports(
            guarded, trusted, Dialer(theirs, policy=policy), Dialer(ours)
        )

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()
        for resolver in self._resolvers:
            await resolver.close()


class _Transports:
    def __init__(self, guarded: Pool, trusted: Pool, guarded_dialer: Dialer, trusted_dialer: Dialer) -> None:
        self._guarded = guarded
        self._trusted = trusted
        self._guarded_dialer = guarded_dialer
        self._trusted_dialer = trusted_dialer

    def httpx(self, *, is_operator_url: bool) -> Any:
        import httpx

        return make_transport(httpx, self._trusted if is_operator_url else self._guarded)

    def httpx2(self, *, is_operator_url: bool) -> Any:
        import httpx2

        return make_transport(httpx2, self._trusted if is_operator_url else self._guarded)

    async def connect(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> socket.socket:
        return await self._dialer(is_operator_url).connect(host, port, timeout_s=timeout_s)

    async def resolve(
        self, host: str, port: int, *, is_operator_url: bool, timeout_s: float = 10.0
    ) -> Sequence[str]:
        return await self._dialer(is_operator_url).resolve(host, port, timeout_s=timeout_s)

    def _dialer(self, is_operator_url: bool) -> Dialer:
        return self._trusted_dialer if is_operator_url else self._guarded_dialer


@dataclass(slots=True)
class _Progress:
    was_sent: bool = False


def _progress_trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def mark(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
        context.trace_request_ctx.was_sent = True

    # aiohttp calls this just before the first byte leaves.
    trace.on_request_headers_sent.append(mark)
    return trace


class _Http:
    """The SDK's `HttpClient`, guarded where its pool is."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float = 30.0,
        max_bytes: int = 1_000_000,
    ) -> HttpResponse:
        target = http_target(url)
        sent_headers = _sent_headers(method, headers or {})
        progress = _Progress()
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._pool.session.request(
                    method,
                    target,
                    headers=sent_headers,
                    data=request_body(content),
                    allow_redirects=False,
                    auto_decompress=True,
                    trace_request_ctx=progress,
                ) as answer,
            ):
                body, is_truncated = await _read(answer.content, max_bytes)
                return HttpResponse(answer.status, _answer_headers(answer), body, is_truncated)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = HttpError(failure_text(error), was_sent=progress.was_sent)
        # Raised out here so that it carries no context: that would name the address.
        raise failure


def http_target(url: str) -> yarl.URL:
    """The address to connect to. Raises `HttpError` for what is no plain http or https URL."""
    try:
        # A URL that needs no quoting is sent as it stands: a signature in it may cover every character.
        target = yarl.URL(url, encoded=_VISIBLE_ASCII.fullmatch(url) is not None)
        is_usable = target.scheme in ("http", "https") and target.raw_host and target.port
    except ValueError:
        raise HttpError(BAD_URL, was_sent=False) from None
    if not is_usable or target.raw_user or target.raw_password:
        raise HttpError(BAD_URL, was_sent=False)
    return target


def _sent_headers(method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's headers without those that are this door's own affair, framing and coding of bodies."""
    if not _TOKEN.fullmatch(method):
        raise HttpError(BAD_REQUEST, was_sent=False)
    sent = {"accept": "*/*", "user-agent": "csai"}
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise HttpError(BAD_REQUEST, was_sent=False)
        sent[name.lower()] = value
    sent = {name: value for name, value in sent.items() if name not in OWN_HEADERS}
    return sent | {"accept-encoding": "gzip, deflate"}


async def _read(content: aiohttp.StreamReader, max_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            return bytes(body[:max_bytes]), True
    return bytes(body), False


def _answer_headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
