"""What breaks, stalls or is left on the way is the library's own error, and hangs up."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
from csai.kit.outbound import Outbound
from csai.kit.pool import NO_ANSWER

from core.server.tests.kit.raw_server import CHUNKED, LOOPBACK, Server, client_of
from tests.support.waiting import PATIENCE_S


async def test_closed_port_is_a_connect_error_that_names_no_address(client: Any, library: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(library.ConnectError) as caught:
            await client.get(f"http://localhost:{unused.getsockname()[1]}/")
    assert str(caught.value) == NO_ANSWER
    # httpx's own chain ends at its exception: nothing below it tells more.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_failure_at_the_operators_address_says_why(library: Any, outbound: Outbound) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with client_of(library, outbound, is_operator_url=True) as client:
            with pytest.raises(library.ConnectError, match="Cannot connect to host"):
                await client.get(f"http://127.0.0.1:{unused.getsockname()[1]}/")


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ((), "RemoteProtocolError"),
        ((b"220 mail.test ESMTP\r\n\r\n",), "RemoteProtocolError"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",), "RemoteProtocolError"),
        ((CHUNKED + b"5\r\nfirst\r\n",), "RemoteProtocolError"),
    ],
    ids=["no answer", "another protocol", "cut body", "cut stream"],
)
async def test_broken_answer_is_the_librarys_protocol_error(
    server: Server, client: Any, library: Any, parts: tuple[bytes, ...], error: str
) -> None:
    server.answers(*parts)
    with pytest.raises(getattr(library, error)) as caught:
        await client.get(server.url)
    assert str(caught.value) == NO_ANSWER


@pytest.mark.parametrize("part", [b"", CHUNKED], ids=["head", "stream"])
async def test_connection_reset_is_an_error_of_the_library(
    server: Server, client: Any, library: Any, part: bytes
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(part)
        await writer.drain()
        link = writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server.serve = serve
    with pytest.raises(library.TransportError) as caught:
        await client.get(server.url)
    assert str(caught.value) == NO_ANSWER


async def test_request_is_not_repeated_when_the_connection_is_lost(
    server: Server, client: Any, library: Any
) -> None:
    server.answers()
    with pytest.raises(library.RemoteProtocolError):
        await client.put(server.url)
    assert server.accepted == 1


@pytest.mark.parametrize("part", [b"", CHUNKED + b"5\r\nfirst\r\n"], ids=["head", "body"])
async def test_read_timeout_is_the_librarys_and_hangs_up(
    server: Server, client: Any, library: Any, part: bytes
) -> None:
    server.stalls_after(part)
    with pytest.raises(library.ReadTimeout):
        await client.get(server.url, timeout=library.Timeout(PATIENCE_S, read=0.1))
    await asyncio.wait_for(server.hung_up.wait(), PATIENCE_S)


async def test_connect_timeout_is_the_librarys(library: Any) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def lookup(host: str, port: int) -> list[tuple[Any, ...]]:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(PATIENCE_S)
        return []

    outbound = Outbound(LOOPBACK, lookup=lookup)
    async with client_of(library, outbound) as client:
        request = client.get("http://shop.test/", timeout=library.Timeout(PATIENCE_S, connect=0.1))
        with pytest.raises(library.ConnectTimeout):
            await asyncio.wait_for(request, PATIENCE_S)
    release.set()
    await outbound.aclose()


async def test_peer_that_stops_reading_ends_in_a_write_timeout(
    server: Server, client: Any, library: Any
) -> None:
    stop = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stop.wait()

    server.serve = serve
    upload = client.post(server.url, content=bytes(20_000_000), timeout=library.Timeout(0.1, connect=1.0))
    with pytest.raises(library.WriteTimeout):
        await asyncio.wait_for(upload, PATIENCE_S)
    stop.set()


async def test_cancelled_stream_hangs_up(server: Server, client: Any) -> None:
    server.stalls_after(CHUNKED + b"5\r\nfirst\r\n")
    first = asyncio.Event()

    async def read() -> None:
        async with client.stream("GET", server.url, timeout=None) as answer:
            async for _ in answer.aiter_raw():
                first.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(first.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.hung_up.wait(), PATIENCE_S)


async def test_stream_left_early_hangs_up(server: Server, client: Any) -> None:
    server.stalls_after(CHUNKED + b"5\r\nfirst\r\n")
    async with client.stream("GET", server.url) as answer:
        async for _ in answer.aiter_raw():
            break
    await asyncio.wait_for(server.hung_up.wait(), PATIENCE_S)
