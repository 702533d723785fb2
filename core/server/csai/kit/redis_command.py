"""Single commands to Redis, for a third of what the driver's client takes for each.

Its connections do the work, as they do for the client: they connect, log in, write, read and parse. Left out
is what the client does around each command: a task to bound the writing, a lock, events, measurements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

MAX_CONNECTIONS = 50


class RedisCommands:
    """Runs commands on connections of its own, which are made as they are needed and kept."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """A command has `timeout_s` in all: for a connection, to be sent, and for its reply."""
        # The pool knows how to read the address; its connections bound no step by themselves.
        pool = ConnectionPool.from_url(url, socket_timeout=None, socket_connect_timeout=timeout_s)
        self._make: Callable[[], Any] = pool.make_connection
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._made: set[Any] = set()
        self._free: list[Any] = []

    async def run(self, *command: str | bytes | int) -> Any:
        """The reply. Raises `RedisError`, `OSError` or `TimeoutError`; it may have been carried out then."""
        async with asyncio.timeout(self._timeout_s), self._places:
            connection = await self._lent()
            try:
                await connection.send_command(*command, check_health=False)
                reply = await connection.read_response()
            except BaseException:
                # What it would answer next belongs to this command.
                self._made.discard(connection)
                await connection.disconnect(nowait=True)
                raise
            self._free.append(connection)
            return reply

    async def aclose(self) -> None:
        """Close all connections, also those in use."""
        made, self._made, self._free = self._made, set(), []
        for connection in made:
            await connection.disconnect()

    async def _lent(self) -> Any:
        while self._free:
            connection = self._free.pop()
            if await _is_idle(connection):
                return connection
            self._made.discard(connection)
            await connection.disconnect(nowait=True)
        connection = self._make()
        self._made.add(connection)
        try:
            await connection.connect()
        except BaseException:
            self._made.discard(connection)
            await connection.disconnect(nowait=True)
            raise
        return connection


async def _is_idle(connection: Any) -> bool:
    """What a kept connection has to read is its end: Redis was restarted, or closed what was long unused."""
    try:
        return not await connection.can_read()
    except (RedisError, OSError):
        return False
