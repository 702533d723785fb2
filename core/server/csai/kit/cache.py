"""Values kept for a while, that may be lost at any moment."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta

import structlog
from csai_sdk import Clock
from redis.exceptions import RedisError

from csai.kit.redis_command import RedisCommands

log = structlog.get_logger(__name__)

PAUSE_S = 5.0
MAX_BYTES = 16_000_000


class Cache:
    """In Redis, for all processes together; in this process alone, and bounded, where none is configured.

    Redis that fails or is slow is a miss. It is then left alone for some seconds, so that not every caller
    waits for it.
    """

    def __init__(self, *, redis_url: str, timeout_s: float, clock: Clock) -> None:
        self._clock = clock
        self._redis = RedisCommands(redis_url, timeout_s=timeout_s) if redis_url else None
        self._paused_until = 0.0
        self._kept: OrderedDict[str, tuple[datetime, bytes]] = OrderedDict()
        self._size_bytes = 0

    async def get(self, key: str) -> bytes | None:
        if self._redis is None:
            return self._get(key)
        if self._is_paused():
            return None
        try:
            found = await self._redis.run("GET", key)
        except (RedisError, OSError, TimeoutError):
            self._pause()
            return None
        return found if isinstance(found, bytes) else None

    async def set(self, key: str, value: bytes, *, lifetime_s: int) -> None:
        if self._redis is None:
            self._set(key, value, lifetime_s)
            return
        if self._is_paused():
            return
        try:
            await self._redis.run("SET", key, value, "EX", lifetime_s)
        except (RedisError, OSError, TimeoutError):
            self._pause()

    async def forget(self, key: str) -> None:
        """Drop it now; where Redis does not answer, it expires by itself."""
        if self._redis is None:
            self._forget(key)
        elif not self._is_paused():
            try:
                await self._redis.run("DEL", key)
            except (RedisError, OSError, TimeoutError):
                self._pause()

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    def _is_paused(self) -> bool:
        return asyncio.get_running_loop().time() < self._paused_until

    def _pause(self) -> None:
        log.warning("redis does not answer, going on without its cache")
        self._paused_until = asyncio.get_running_loop().time() + PAUSE_S

    def _get(self, key: str) -> bytes | None:
        expires, value = self._kept.get(key, (None, None))
        return value if expires is not None and expires > self._clock.now() else None

    def _set(self, key: str, value: bytes, lifetime_s: int) -> None:
        self._forget(key)
        self._kept[key] = self._clock.now() + timedelta(seconds=lifetime_s), value
        self._size_bytes += len(key) + len(value)
        while self._size_bytes > MAX_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: str) -> None:
        if key in self._kept:
            self._size_bytes -= len(key) + len(self._kept.pop(key)[1])
