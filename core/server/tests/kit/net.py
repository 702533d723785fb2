"""Servers of the test's own, and an outbound that may reach them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from ipaddress import ip_network
from typing import Any

import pytest
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.kit.pool import Lookup, system_lookup
from csai_sdk import HttpError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = EgressPolicy([ip_network("127.0.0.0/8")])


class Net:
    """Makes loopback servers and doors, and closes them."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.accepted = 0

    async def serve(self, serve: Serve, tls: ssl.SSLContext | None = None) -> int:
        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted += 1
            try:
                await serve(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(counted, "127.0.0.1", 0, ssl=tls)
        await self._stack.enter_async_context(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def outbound(self, policy: EgressPolicy = LOOPBACK, lookup: Lookup = system_lookup) -> Outbound:
        outbound = Outbound(policy, lookup=lookup)
        self._stack.push_async_callback(outbound.aclose)
        return outbound


def answering(*answers: bytes) -> Serve:
    """Answers one request after the other on a kept-alive connection, then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if not await read_head(reader):
                return
            writer.write(answer)
            await writer.drain()

    return serve


async def read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def ok(body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


async def failure_of(outbound: Outbound, url: str, method: str = "GET", **options: Any) -> HttpError:
    with pytest.raises(HttpError) as caught:
        await outbound.http.request(method, url, **options)
    chain = caught.value.__cause__, caught.value.__context__
    assert not any(isinstance(error, OSError) for error in chain)
    return caught.value
