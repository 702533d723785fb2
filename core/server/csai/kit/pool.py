"""Pools of kept-alive connections, one guarded by an egress policy or open to any address."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from csai.kit.egress import REFUSED, AddressRefused, EgressPolicy, guarded_socket

NO_ANSWER = "no answer"

Lookup = Callable[[str, int], Sequence[tuple[Any, ...]]]

# A hostile name may have thousands of addresses, and each would be tried.
_ADDRESSES_PER_NAME = 8
_LOOKUP_THREADS = 8
_HEADER_LINE_BYTES = 16_384
_HEADERS = 128
_BODY_AT_ONCE_BYTES = 262_144


class ConnectionLost(aiohttp.ClientConnectionError):
    """The connection broke after the request began to leave and before an answer came."""


def failure_text(error: Exception) -> str:
    """What may be told of a failed guarded request: not the address behind a name, nor what listens there.

    aiohttp itself refuses an IPv4 address written in a legacy form, as an invalid URL.
    """
    is_refused = isinstance(getattr(error, "os_error", None), AddressRefused)
    return REFUSED if is_refused or isinstance(error, aiohttp.InvalidURL) else NO_ANSWER


def request_body(content: bytes | None) -> bytes | io.BytesIO | None:
    """A large body goes out in pieces: aiohttp would hold up the loop to write it at once."""
    if content and len(content) > _BODY_AT_ONCE_BYTES:
        return io.BytesIO(content)
    return content or None


def system_lookup(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class Resolver(AbstractResolver):
    """Looks names up in threads of its own, so that slow name servers hold up nothing else."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="csai-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._lookup, host, port)
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=at[0], port=at[1], family=kind, proto=0, flags=numeric)
            for kind, _, _, _, at in found[:_ADDRESSES_PER_NAME]
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Pool:
    """An aiohttp session that opens on first use, on the running loop.

    It keeps no cookies and reads no proxy from the environment: nothing crosses from one client's request
    into another's. The number of connections is not limited here, so that nobody waits for a slow server
    that another client chose.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        keep_alive_s: float,
        policy: EgressPolicy | None = None,
        trace: aiohttp.TraceConfig | None = None,
    ) -> None:
        self.is_guarded = policy is not None
        self._keep_alive_s = keep_alive_s
        self._resolver = resolver
        self._open_socket = None if policy is None else guarded_socket(policy)
        self._traces = [trace] if trace else None
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            if self._is_closed:
                raise RuntimeError("the way out is closed: the process is stopping")
            self._session = self._open()
        return self._session

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            family=socket.AF_UNSPEC,
            keepalive_timeout=self._keep_alive_s,
            resolver=self._resolver,
            socket_factory=self._open_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=_HEADER_LINE_BYTES,
            max_field_size=_HEADER_LINE_BYTES,
            max_headers=_HEADERS,
            middlewares=(_send_once,),
            trace_configs=self._traces,
        )

    async def aclose(self) -> None:
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT or DELETE a second time by itself when the connection breaks."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLost from error
