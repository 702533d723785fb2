"""A server that answers with these very bytes, and clients of vendors' libraries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = EgressPolicy([ip_network("127.0.0.0/8")])


class Server:
    """One loopback server whose behaviour a test sets; it counts connections and keeps request heads."""

    def __init__(self) -> None:
        self.serve: Serve = self.refuse
        self.accepted = 0
        self.heads: list[bytes] = []
        self.hung_up = asyncio.Event()
        self.url = ""

    async def refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("this test sets no behaviour")

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            await self.serve(reader, writer)
        finally:
            writer.close()

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """The body of the next request; the head goes to `heads`."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = [
            line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        ]
        return await reader.readexactly(int(length[0])) if length else b""

    def answers(self, *parts: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.read_request(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()

        self.serve = serve

    def stalls_after(self, part: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.read_request(reader)
            writer.write(part)
            await writer.drain()
            await reader.read()
            self.hung_up.set()

        self.serve = serve


def client_of(library: Any, outbound: Outbound, *, is_operator_url: bool = False, **options: Any) -> Any:
    transport = getattr(outbound.transports, library.__name__)(is_operator_url=is_operator_url)
    return library.AsyncClient(transport=transport, trust_env=False, **options)


CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
