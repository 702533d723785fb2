"""Commands to a real Redis: each gets its own reply, whatever became of those before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from csai.kit.redis_command import MAX_CONNECTIONS, RedisCommands
from redis.exceptions import RedisError, ResponseError

from tests.support.backend import PostgresRedis
from tests.support.waiting import PATIENCE_S

Connect = Callable[..., RedisCommands]


@pytest_asyncio.fixture
async def connect(postgres_redis: PostgresRedis) -> AsyncIterator[Connect]:
    made: list[RedisCommands] = []

    def connected(*, timeout_s: float = 10) -> RedisCommands:
        made.append(RedisCommands(postgres_redis.redis_url, timeout_s=timeout_s))
        return made[-1]

    yield connected
    for redis in made:
        await redis.aclose()


async def is_blocked(redis: RedisCommands, number: int) -> None:
    """Wait until that connection waits: others of this Redis may be those of tests beside this one."""
    async with asyncio.timeout(PATIENCE_S):
        while b"cmd=blpop" not in await redis.run("CLIENT", "LIST", "ID", number):
            pass


async def test_many_at_once_get_their_own_replies_on_few_connections(connect: Connect) -> None:
    redis = connect()

    replies = await asyncio.gather(*(redis.run("ECHO", number) for number in range(4 * MAX_CONNECTIONS)))

    assert replies == [b"%d" % number for number in range(4 * MAX_CONNECTIONS)]
    assert len(redis._free) == len(redis._made) == MAX_CONNECTIONS


async def test_one_after_another_needs_one_connection(connect: Connect) -> None:
    redis = connect()
    numbers = {await redis.run("CLIENT", "ID") for _ in range(3)}
    assert len(numbers) == 1


async def test_what_is_late_is_given_up_and_its_reply_read_by_nobody(connect: Connect) -> None:
    redis = connect(timeout_s=1.0)
    assert await redis.run("ECHO", "before") == b"before"

    with pytest.raises(TimeoutError):
        await redis.run("BLPOP", "nothing-here", 5)

    assert await redis.run("ECHO", "after") == b"after"
    assert len(redis._made) == 1


async def test_what_is_cancelled_leaves_no_reply_behind(connect: Connect) -> None:
    redis = connect()
    number = await redis.run("CLIENT", "ID")
    blocked = asyncio.create_task(redis.run("BLPOP", "nothing-here", 0))
    await is_blocked(connect(), number)
    blocked.cancel()
    await asyncio.wait([blocked])

    assert blocked.cancelled()
    assert await redis.run("ECHO", "after") == b"after"
    assert await redis.run("CLIENT", "ID") != number


async def test_an_error_is_raised_and_the_next_command_goes_well(connect: Connect) -> None:
    redis = connect()

    with pytest.raises(ResponseError):
        await redis.run("NO-SUCH-COMMAND")

    assert await redis.run("ECHO", "after") == b"after"


async def test_a_connection_that_redis_has_closed_is_replaced(connect: Connect) -> None:
    redis, other = connect(), connect()
    number = await redis.run("CLIENT", "ID")

    await other.run("CLIENT", "KILL", "ID", number)
    await other.run("PING")  # By its answer the loop has heard of the other connection's end.

    assert await redis.run("ECHO", "after") == b"after"
    assert len(redis._made) == 1


async def test_closing_ends_also_what_is_under_way(connect: Connect) -> None:
    redis, other = connect(), connect()
    number = await redis.run("CLIENT", "ID")
    blocked = asyncio.create_task(redis.run("BLPOP", "nothing-here", 0))
    await is_blocked(other, number)

    await redis.aclose()

    with pytest.raises(RedisError):
        await blocked
