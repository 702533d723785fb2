"""How many messages a minute: for a client, and for each visitor of it."""

from __future__ import annotations

import math
import time

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from csai.kit.problem import Problem

log = structlog.get_logger(__name__)


class RateLimiter:
    """Counts in Redis, for all processes together; in this process alone where Redis is missing or down."""

    def __init__(self, *, redis_url: str, per_client: int, per_visitor: int) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._pool = (
            ConnectionPool.from_url(redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
            if redis_url
            else None
        )
        self._shared = (
            FixedWindowRateLimiter(
                RedisStorage(
                    f"async+{redis_url}",
                    implementation="redispy",
                    key_prefix="rate_limit",
                    connection_pool=self._pool,  # type: ignore[arg-type]  # typed too narrowly there
                )
            )
            if self._pool is not None
            else None
        )
        self._limits = [
            (name, RateLimitItemPerMinute(amount), is_visitor)
            for name, amount, is_visitor in (
                ("visitor", per_visitor, True),
                ("client", per_client, False),
            )
            if amount
        ]

    async def check(self, client_id: str, visitor: str | None) -> None:
        """Count one message. Raises 429 with Retry-After when it is one too many."""
        for name, limit, is_visitor in self._limits:
            if is_visitor and visitor is None:
                continue
            identifiers = (client_id, str(visitor)) if is_visitor else (client_id,)
            limiter = self._shared or self._local
            try:
                allowed = await limiter.hit(limit, *identifiers)
            except (RedisError, OSError, TimeoutError):
                log.warning("redis does not answer, limiting rates in this process alone")
                limiter = self._local
                allowed = await limiter.hit(limit, *identifiers)
            if not allowed:
                raise await self._too_many(limiter, limit, identifiers, name)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _too_many(
        self,
        limiter: FixedWindowRateLimiter,
        limit: RateLimitItemPerMinute,
        identifiers: tuple[str, ...],
        name: str,
    ) -> Problem:
        window = await limiter.get_window_stats(limit, *identifiers)
        wait_s = max(1, math.ceil(window.reset_time - time.time()))
        return Problem(
            429,
            "rate_limited",
            f"More than {limit.amount} messages in a minute from this {name}. Try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )
