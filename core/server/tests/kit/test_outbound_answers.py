"""An answer that is too large, too slow, broken or missing ends the request, and says whether it was sent."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from csai.kit.pool import NO_ANSWER

from core.server.tests.kit.net import Net, Serve, answering, failure_of, ok, read_head
from tests.support.waiting import PATIENCE_S


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    async with AsyncExitStack() as stack:
        yield Net(stack)


async def test_body_is_cut_at_the_cap_and_the_connection_dropped(net: Net) -> None:
    port = await net.serve(answering(ok(b"x" * 5_000_000), ok(b"second")))
    http = net.outbound().http
    answer = await http.request("GET", f"http://127.0.0.1:{port}/", max_bytes=1000)
    assert (len(answer.body), answer.is_truncated) == (1000, True)
    whole = await http.request("GET", f"http://127.0.0.1:{port}/", max_bytes=5_000_000)
    assert (len(whole.body), whole.is_truncated) == (5_000_000, False)
    assert net.accepted == 2


async def test_gzip_bomb_is_cut_at_the_cap_of_the_unpacked_size(net: Net) -> None:
    bomb = gzip.compress(bytes(64_000_000))
    port = await net.serve(answering(ok(bomb, "content-encoding: gzip\r\n")))
    outbound = net.outbound()
    tracemalloc.start()
    try:
        answer = await outbound.http.request("GET", f"http://127.0.0.1:{port}/", max_bytes=100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (answer.body, answer.is_truncated) == (bytes(100_000), True)
    assert peak < 8_000_000


async def test_answer_that_is_not_the_gzip_it_claims_is_an_error(net: Net) -> None:
    port = await net.serve(answering(ok(b"plain", "content-encoding: gzip\r\n")))
    error = await failure_of(net.outbound(), f"http://127.0.0.1:{port}/")
    assert (str(error), error.was_sent) == (NO_ANSWER, True)


async def test_header_past_the_cap_is_an_error(net: Net) -> None:
    port = await net.serve(answering(ok(b"", f"x-long: {'x' * 70_000}\r\n")))
    error = await failure_of(net.outbound(), f"http://127.0.0.1:{port}/")
    assert error.was_sent


def dripping(head: bytes, drop: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(head)
        while True:
            writer.write(drop)
            try:
                await writer.drain()
                await asyncio.wait_for(reader.read(1), 0.02)
            except TimeoutError:
                continue
            except ConnectionError:
                pass
            return

    return serve


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"x-drop: 1\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["body", "head", "interim answers"],
)
async def test_deadline_holds_against_a_server_that_drips(net: Net, head: bytes, drop: bytes) -> None:
    port = await net.serve(dripping(head, drop))
    error = await failure_of(net.outbound(), f"http://127.0.0.1:{port}/", timeout_s=1.0)
    assert (str(error), error.was_sent) == (NO_ANSWER, True)


async def test_slow_name_server_counts_toward_the_deadline_and_nothing_was_sent(net: Net) -> None:
    answered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def lookup(host: str, port: int) -> list[tuple[Any, ...]]:
        asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(PATIENCE_S)
        return []

    error = await failure_of(net.outbound(lookup=lookup), "http://shop.test/", timeout_s=0.1)
    answered.set()
    assert (str(error), error.was_sent) == (NO_ANSWER, False)


async def test_connection_lost_before_the_answer_may_have_been_sent(net: Net) -> None:
    port = await net.serve(answering(b""))
    error = await failure_of(net.outbound(), f"http://127.0.0.1:{port}/", "POST", content=b"{}")
    assert (str(error), error.was_sent) == (NO_ANSWER, True)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_request_is_not_repeated_when_the_connection_is_lost(net: Net, method: str) -> None:
    port = await net.serve(answering(b""))
    await failure_of(net.outbound(), f"http://127.0.0.1:{port}/", method)
    assert net.accepted == 1


async def test_connection_lost_in_the_middle_of_the_body_is_an_error(net: Net) -> None:
    port = await net.serve(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"))
    error = await failure_of(net.outbound(), f"http://127.0.0.1:{port}/")
    assert (str(error), error.was_sent) == (NO_ANSWER, True)


async def test_closed_port_was_not_sent_to_and_reads_like_any_missing_answer(net: Net) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = await failure_of(net.outbound(), f"http://localhost:{port}/")
    assert (str(error), error.was_sent) == (NO_ANSWER, False)
