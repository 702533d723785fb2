"""None"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
from csai.kit import transports
from csai.kit.egress import REFUSED, EgressPolicy
from csai.kit.outbound import Outbound

from core.server.tests.kit.raw_server import CHUNKED, Server, client_of
from tests.support.waiting import PATIENCE_S


async def test_transport_is_one_the_library_knows(library: Any, outbound: Outbound) -> None:
    transport = getattr(outbound.transports, library.__name__)(is_operator_url=True)
    assert isinstance(transport, library.AsyncBaseTransport)


async def test_request_arrives_as_the_library_built_it(server: Server, client: Any) -> None:
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await server.read_request(reader))
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-a: 1\r\nx-a: 2\r\n\r\n{}")

    server.serve = serve
    answer = await client.post(f"{server.url}/v1/a%2Fb?q=%2F", json={"k": "ä"}, headers={"x-key": "s"})
    assert (answer.status_code, answer.json(), answer.headers.get_list("x-a")) == (201, {}, ["1", "2"])
    assert answer.http_version == "HTTP/1.1"
    assert bodies == ['{"k":"ä"}'.encode()]
    head = server.heads[0].lower()
    assert head.startswith(b"post /v1/a%2fb?q=%2f http/1.1\r\n")
    assert head.count(b"\r\nhost: 127.0.0.1:") == 1
    assert head.count(b"\r\ncontent-length: 10\r\n") == 1
    assert b"\r\nx-key: s\r\n" in head
    assert b"\r\nuser-agent: python-httpx" in head


async def test_streamed_upload_is_sent_whole(server: Server, client: Any) -> None:
    bodies: list[bytes] = []

    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await server.read_request(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.serve = serve
    assert (await client.post(server.url, content=parts())).status_code == 204
    assert bodies == [b"one two"]
    head = server.heads[0].lower()
    assert b"transfer-encoding" not in head
    assert b"content-type" not in head


async def test_large_upload_is_sent_whole(server: Server, client: Any) -> None:
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await server.read_request(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.serve = serve
    large = bytes(range(256)) * 8192
    assert (await client.post(server.url, content=large)).status_code == 204
    assert bodies == [large]


async def test_chunks_are_handed_on_before_the_stream_ends(server: Server, client: Any) -> None:
    go_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(CHUNKED + b"5\r\nfirst\r\n")
        await go_on.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")

    server.serve = serve
    seen: list[bytes] = []
    async with client.stream("GET", server.url) as answer:
        async for chunk in answer.aiter_raw():
            seen.append(chunk)
            go_on.set()
    assert seen == [b"first", b"second"]


BREAK = b"break"


class Drip:
    """A body sent piece by piece, each when the test says so, and what the client has read of it."""

    def __init__(self, server: Server, content_type: bytes) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.read: asyncio.Queue[bytes] = asyncio.Queue()
        self._server = server
        self._head = CHUNKED.replace(b"text/event-stream", content_type)
        server.serve = self._serve

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._server.read_request(reader)
        writer.write(self._head)
        while piece := await self.pieces.get():
            if piece is BREAK:
                return
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    async def follow(self, client: Any) -> None:
        async with client.stream("GET", self._server.url) as answer:
            async for chunk in answer.aiter_raw():
                self.read.put_nowait(chunk)

    async def say(self, piece: bytes) -> bytes:
        """Send a piece; what is read thereupon."""
        self.pieces.put_nowait(piece)
        return await asyncio.wait_for(self.read.get(), PATIENCE_S)


async def test_an_event_stream_is_read_at_once_first_then_at_a_pace_and_its_end_waits_for_nothing(
    server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "PACE_S", 3600)
    drip = Drip(server, b"text/event-stream; charset=utf-8")
    task = asyncio.create_task(drip.follow(client))

    for piece in (b"one", b"two", b"three", b"four", b"five"):
        assert await drip.say(piece) == piece
    drip.pieces.put_nowait(b"six, ")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(drip.read.get(), 0.2)
    drip.pieces.put_nowait(b"seven")
    drip.pieces.put_nowait(b"")
    await asyncio.wait_for(task, PATIENCE_S)

    assert drip.read.get_nowait() == b"six, seven"


async def test_what_came_before_a_break_is_handed_over_before_the_error(
    server: Server, client: Any, library: Any
) -> None:
    drip = Drip(server, b"text/event-stream")
    task = asyncio.create_task(drip.follow(client))

    for number in range(5):
        await drip.say(b"%d" % number)
    for piece in (b"six, ", b"seven", BREAK):
        drip.pieces.put_nowait(piece)
    with pytest.raises(library.RemoteProtocolError):
        await asyncio.wait_for(task, PATIENCE_S)

    assert drip.read.get_nowait() == b"six, seven"


async def test_a_paced_stream_goes_on_before_its_end(server: Server, client: Any) -> None:
    drip = Drip(server, b"application/x-ndjson")
    task = asyncio.create_task(drip.follow(client))

    for number in range(8):
        assert await drip.say(b"%d" % number) == b"%d" % number
    drip.pieces.put_nowait(b"")
    await asyncio.wait_for(task, PATIENCE_S)


async def test_other_bodies_are_read_at_once(
    server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transports, "PACE_S", 3600)
    drip = Drip(server, b"application/json")
    task = asyncio.create_task(drip.follow(client))

    for number in range(8):
        assert await drip.say(b"%d" % number) == b"%d" % number
    drip.pieces.put_nowait(b"")
    await asyncio.wait_for(task, PATIENCE_S)


async def test_packed_body_is_unpacked_by_the_library(server: Server, client: Any) -> None:
    packed = gzip.compress(b"text" * 1000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n".encode()
    server.answers(head + packed)
    assert (await client.get(server.url)).content == b"text" * 1000


async def test_connection_is_used_again_also_by_another_transport(
    server: Server, library: Any, outbound: Outbound
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await server.read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    server.serve = serve
    for _ in range(2):
        async with client_of(library, outbound) as client:
            await client.get(server.url)
    assert server.accepted == 1


async def test_client_set_url_is_refused_and_the_operators_is_not(server: Server, library: Any) -> None:
    outbound = Outbound(EgressPolicy())
    server.answers(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    async with client_of(library, outbound) as guarded:
        with pytest.raises(library.ConnectError) as caught:
            await guarded.get(server.url)
    assert str(caught.value) == REFUSED
    assert server.accepted == 0
    async with client_of(library, outbound, is_operator_url=True) as trusted:
        assert (await trusted.get(server.url)).status_code == 200
    await outbound.aclose()


async def test_redirect_is_left_to_the_library(server: Server, client: Any) -> None:
    server.answers(b"HTTP/1.1 307 Moved\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n")
    assert (await client.get(server.url)).status_code == 307


async def test_redirect_that_a_client_follows_is_judged_again(server: Server, library: Any) -> None:
    outbound = Outbound(EgressPolicy([ip_network("127.0.0.1/32")]))
    server.answers(b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.2:1/\r\ncontent-length: 0\r\n\r\n")
    async with client_of(library, outbound, follow_redirects=True) as client:
        with pytest.raises(library.ConnectError, match=REFUSED):
            await client.get(server.url)
    await outbound.aclose()


@pytest.mark.parametrize("url", ["http://user:secret@127.0.0.1:1/", "ftp://127.0.0.1/"])
async def test_url_with_a_user_name_or_another_scheme_is_refused(client: Any, library: Any, url: str) -> None:
    with pytest.raises(library.UnsupportedProtocol):
        await client.get(url)
