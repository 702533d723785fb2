"""Circuits that are open, as all processes see them in Redis."""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

KEY = "circuits"
FORGET_MS = 3_600_000
UNREACHABLE = (RedisError, OSError, TimeoutError)

# A sorted set: the name of each circuit that is not closed, by the moment on Redis' clock up to which nobody
# may ask its vendor. Whoever asks first after that has set a later moment by asking.
_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
_HOLD = (
    _NOW
    + """
local is_new = redis.call('ZSCORE', KEYS[1], ARGV[1]) == false
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return is_new and 1 or 0
"""
)
_CLAIM = (
    _NOW
    + """
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if held and tonumber(held) > now then return tonumber(held) - now end
if held then redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) end
return 0
"""
)
_LOOK = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
local rows = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 2, #rows, 2 do rows[i] = tonumber(rows[i]) - now end
return rows
"""
)


class SharedCircuits:
    """The sorted set. Every method raises one of `UNREACHABLE` where Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def hold(self, name: str, seconds: float) -> bool:
        """Let nobody through for so long; whether the circuit was closed until now."""
        return bool(await self._run(_HOLD, name, _ms(seconds)))

    async def claim(self, name: str, seconds: float) -> float:
        """Be the one who tries, which holds the others back for so long.

        0 where the caller may; else the seconds for which somebody holds the circuit.
        """
        return cast(int, await self._run(_CLAIM, name, _ms(seconds))) / 1000

    async def close(self, name: str) -> None:
        await self._redis.zrem(KEY, name)

    async def look(self) -> dict[str, float]:
        """The circuits that are not closed, and for how many seconds each is still held (maybe below 0)."""
        rows = cast(list[Any], await self._run(_LOOK, FORGET_MS))
        return {rows[i].decode(): rows[i + 1] / 1000 for i in range(0, len(rows), 2)}

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _run(self, script: str, *arguments: str | int) -> Any:
        return await cast(Any, self._redis.eval(script, 1, KEY, *arguments))


def connect(redis_url: str, *, timeout_s: float) -> SharedCircuits | None:
    """None where no Redis is configured. No I/O yet."""
    if not redis_url:
        return None
    redis = Redis.from_url(redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
    return SharedCircuits(redis)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
