"""Processes wake each other through Redis, and do without it."""

from __future__ import annotations

import asyncio

import pytest
from csai.kit import waiting, wake
from csai.kit.redis_command import RedisCommands
from csai.kit.wake import Wake

from tests.support.backend import PostgresRedis


async def heard_by(teller: Wake, names: asyncio.Queue[str], name: str) -> None:
    """Tell until it is heard: when the listener has begun to listen, nobody is told."""
    async with asyncio.timeout(30):
        while name not in {names.get_nowait() for _ in range(names.qsize())}:
            await teller.tell(name)
            await asyncio.sleep(0.01)


async def end_listening(redis: RedisCommands, postgres_redis: PostgresRedis) -> None:
    """Of who listens in these tests' database: tests beside them use the same Redis."""
    own = f" db={postgres_redis.redis_url.rpartition('/')[2]} "
    listed: bytes = await redis.run("CLIENT", "LIST", "TYPE", "pubsub")
    ended = [line.split()[0].removeprefix("id=") for line in listed.decode().splitlines() if own in line]
    assert ended
    for number in ended:
        await redis.run("CLIENT", "KILL", "ID", number)


async def test_one_process_wakes_another(postgres_redis: PostgresRedis) -> None:
    names: asyncio.Queue[str] = asyncio.Queue()
    listener = Wake(redis_url=postgres_redis.redis_url, timeout_s=10, heard=names.put_nowait)
    teller = Wake(redis_url=postgres_redis.redis_url, timeout_s=10, heard=lambda _name: None)
    listener.listen()

    await heard_by(teller, names, "one")
    await heard_by(teller, names, "two")

    await listener.aclose()
    await teller.aclose()


async def test_a_listener_is_ended_at_whatever_step_it_is(
    postgres_redis: PostgresRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "AGAIN_S", 60.0)
    async with asyncio.timeout(30):
        for passes in range(60):
            listener = Wake(redis_url=postgres_redis.redis_url, timeout_s=10, heard=lambda _name: None)
            listener.listen()
            for _ in range(passes):
                await asyncio.sleep(0)
            await listener.aclose()


async def test_a_listener_that_lost_redis_comes_back(
    postgres_redis: PostgresRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "PAUSE_S", 0.01)
    names: asyncio.Queue[str] = asyncio.Queue()
    listener = Wake(redis_url=postgres_redis.redis_url, timeout_s=10, heard=names.put_nowait)
    teller = Wake(redis_url=postgres_redis.redis_url, timeout_s=10, heard=lambda _name: None)
    listener.listen()
    await heard_by(teller, names, "before")

    assert teller._commands is not None
    await end_listening(teller._commands, postgres_redis)

    await heard_by(teller, names, "after")
    await listener.aclose()
    await teller.aclose()


async def test_without_redis_only_this_process_is_woken() -> None:
    names: list[str] = []
    alone = Wake(redis_url="", timeout_s=10, heard=names.append)
    alone.listen()

    await alone.tell("one")

    assert names == ["one"]
    await alone.aclose()


async def test_a_dead_redis_holds_nobody_up_for_long() -> None:
    names: list[str] = []
    cut_off = Wake(redis_url="redis://127.0.0.1:1", timeout_s=10, heard=names.append)
    cut_off.listen()

    await cut_off.tell("one")
    asked_again = cut_off._paused_until
    await cut_off.tell("two")

    assert names == ["one", "two"]
    assert cut_off._paused_until == asked_again > 0
    await cut_off.aclose()
