"""Waking whoever waits for a change, in this process and, through Redis, in the others.

Only wakes: what has changed is read from the database, where it is looked for all the same from time to time.
A Redis that is down makes changes in other processes slower to be seen, and nothing wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from csai.kit.redis_command import RedisCommands
from csai.kit.waiting import end, is_ending

log = structlog.get_logger(__name__)

CHANNEL = "conversation_changed"
PAUSE_S = 5.0
LISTEN_S = 30.0


class Wake:
    """Says which conversation has changed, to `heard` of every process that listens."""

    def __init__(self, *, redis_url: str, timeout_s: float, heard: Callable[[str], None]) -> None:
        self._url = redis_url
        self._heard = heard
        self._commands = RedisCommands(redis_url, timeout_s=timeout_s) if redis_url else None
        self._paused_until = 0.0
        self._listener: asyncio.Task[None] | None = None

    async def tell(self, conversation_id: str) -> None:
        """It has changed, and the change is stored."""
        self._heard(conversation_id)
        loop = asyncio.get_running_loop()
        if self._commands is None or loop.time() < self._paused_until:
            return
        try:
            await self._commands.run("PUBLISH", CHANNEL, conversation_id)
        except (RedisError, OSError, TimeoutError):
            self._paused_until = loop.time() + PAUSE_S
            log.warning("redis does not answer, other processes see changes later")

    def listen(self) -> None:
        """Hear of changes by other processes, from now on."""
        if self._url and (self._listener is None or self._listener.done()):
            self._listener = asyncio.create_task(self._listen())

    async def aclose(self) -> None:
        if self._listener is not None:
            await end((self._listener,))
        if self._commands is not None:
            await self._commands.aclose()

    async def _listen(self) -> None:
        while not is_ending():
            try:
                await self._hear()
            except (RedisError, OSError, TimeoutError):
                if not is_ending():
                    await asyncio.sleep(PAUSE_S)

    async def _hear(self) -> None:
        redis: Any = Redis.from_url(self._url, socket_connect_timeout=PAUSE_S)
        try:
            async with redis.pubsub() as subscription:
                await subscription.subscribe(CHANNEL)
                # redis-py goes on after a cancellation that comes while it connects.
                while not is_ending():
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_S)
                    if message is not None:
                        self._heard(message["data"].decode("ascii", "replace"))
        finally:
            await redis.aclose()
