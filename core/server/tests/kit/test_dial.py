"""Plain TCP through the one door."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from typing import Any

import pytest
from csai.kit.egress import REFUSED, EgressPolicy
from csai.kit.outbound import Outbound
from csai.kit.pool import NO_ANSWER
from csai_sdk import HttpError

LOOPBACK = EgressPolicy([ip_network("127.0.0.0/8")])
PUBLIC = "93.184.216.34"


def finds(*addresses: str) -> Any:
    def look_up(_host: str, port: int) -> Sequence[tuple[Any, ...]]:
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port),
            )
            for each in addresses
        ]

    return look_up


@pytest.fixture
async def greeting() -> AsyncIterator[int]:
    """The port of a server that says hello, as mail servers do."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def hello(outbound: Outbound, host: str, port: int, *, is_operator_url: bool) -> bytes:
    opened = await outbound.transports.connect(host, port, is_operator_url=is_operator_url)
    reader, writer = await asyncio.open_connection(sock=opened)
    try:
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_connection_to_an_allowed_address_speaks(greeting: int) -> None:
    outbound = Outbound(LOOPBACK)
    assert await hello(outbound, "127.0.0.1", greeting, is_operator_url=False) == b"220 hello\r\n"
    await outbound.aclose()


async def test_the_operator_s_own_servers_may_lie_inside(greeting: int) -> None:
    outbound = Outbound(EgressPolicy())
    assert await hello(outbound, "127.0.0.1", greeting, is_operator_url=True) == b"220 hello\r\n"
    await outbound.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost"])
async def test_a_client_s_server_may_not_lie_inside(greeting: int, host: str) -> None:
    outbound = Outbound(EgressPolicy())
    with pytest.raises(HttpError, match=REFUSED) as refused:
        await outbound.transports.connect(host, greeting, is_operator_url=False)
    assert not refused.value.was_sent
    await outbound.aclose()


async def test_a_name_that_leads_inside_is_refused_and_names_no_address() -> None:
    outbound = Outbound(EgressPolicy(), lookup=finds("10.1.2.3", "::1", "::ffff:192.168.0.1"))
    with pytest.raises(HttpError) as refused:
        await outbound.transports.resolve("mail.example", 25, is_operator_url=False)
    assert str(refused.value) == REFUSED
    assert refused.value.__context__ is None
    await outbound.aclose()


async def test_of_a_name_s_addresses_only_those_allowed_are_told() -> None:
    outbound = Outbound(EgressPolicy(), lookup=finds("10.1.2.3", PUBLIC))
    found = await outbound.transports.resolve("db.example", 5432, is_operator_url=False)
    assert list(found) == [PUBLIC]
    await outbound.aclose()


async def test_an_address_that_does_not_answer_gives_way_to_the_next(greeting: int) -> None:
    outbound = Outbound(LOOPBACK, lookup=finds("127.0.0.9", "127.0.0.1"))
    assert await hello(outbound, "mail.example", greeting, is_operator_url=False) == b"220 hello\r\n"
    await outbound.aclose()


async def test_a_name_that_nobody_knows_and_a_closed_port_look_alike(unused_tcp_port: int) -> None:
    def unknown(_host: str, _port: int) -> Sequence[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for outbound in (Outbound(LOOPBACK, lookup=unknown), Outbound(LOOPBACK)):
        with pytest.raises(HttpError) as failed:
            await outbound.transports.connect("127.0.0.1", unused_tcp_port, is_operator_url=False)
        assert str(failed.value) == NO_ANSWER
        await outbound.aclose()


async def test_a_slow_name_server_is_waited_for_only_so_long() -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    release = threading.Event()

    def slow(_host: str, _port: int) -> Sequence[tuple[Any, ...]]:
        loop.call_soon_threadsafe(asked.set)
        release.wait(10)
        return []

    outbound = Outbound(LOOPBACK, lookup=slow)
    with pytest.raises(HttpError, match=NO_ANSWER):
        await outbound.transports.resolve("slow.example", 25, is_operator_url=False, timeout_s=0.05)
    assert asked.is_set()
    release.set()
    await outbound.aclose()
