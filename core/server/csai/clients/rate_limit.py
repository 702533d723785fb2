"""How many messages a minute: for a client, and for each visitor of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from csai.clients.access import Access
from csai.kit.problem import Problem

log = structlog.get_logger(__name__)

# A Redis that has failed is left alone so long, or every message would wait for it in vain.
PAUSE_S = 5.0
WINDOW_S = 60


class RateLimited(Problem):
    """One message too many, unless it repeats one that was accepted a moment ago."""


class RateLimiter:
    """Counts in Redis, for all processes together; in this process alone where Redis is missing or down."""

    def __init__(self, *, redis_url: str, timeout_s: float, per_client: int, per_visitor: int) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._pool = (
            ConnectionPool.from_url(redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
            if redis_url
            else None
        )
        self._storage = (
            RedisStorage(
                f"async+{redis_url}",
                implementation="redispy",
                key_prefix="rate_limit",
                connection_pool=self._pool,  # type: ignore[arg-type]  # typed too narrowly there
            )
            if self._pool is not None
            else None
        )
        self._shared = FixedWindowRateLimiter(self._storage) if self._storage is not None else None
        self._is_down = False
        self._ask_again_at = 0.0
        self._per_visitor = per_visitor
        self._per_client = per_client

    async def check(self, client_id: str, visitor: str | None, own: Mapping[str, Any]) -> None:
        """Count one message. Raises 429 with Retry-After when it is one too many.

        `own` are the client's settings, which may have other limits than the installation's.
        """
        limits: list[tuple[str, int, tuple[str, ...]]] = [
            ("client", own.get("client_rate", self._per_client), (client_id,))
        ]
        if visitor is not None:
            limits.insert(0, ("visitor", own.get("visitor_rate", self._per_visitor), (client_id, visitor)))
        for name, amount, identifiers in limits:
            if not amount:
                continue
            limit = RateLimitItemPerMinute(amount)
            limiter, is_allowed = await self._hit(limit, identifiers)
            if not is_allowed:
                raise await self._too_many(limiter, limit, identifiers, name)

    async def check_attempt(self, what: str, who: str, *, per_minute: int) -> None:
        """Count an attempt at something of the installation. Raises 429 when it is one too many."""
        limit, identifiers = RateLimitItemPerMinute(per_minute), ("installation", what, who)
        limiter, is_allowed = await self._hit(limit, identifiers)
        if not is_allowed:
            wait_s = await self._wait_s(limiter, limit, identifiers)
            raise RateLimited(
                429,
                "rate_limited",
                f"More than {per_minute} attempts in a minute. Try again in {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )

    async def check_visitor(self, what: str, access: Access, address: str, *, per_minute: int) -> None:
        """Count an attempt by a visitor of the client at that address. Raises 429 when it is one too many.

        Whoever has the secret key is no visitor, and not limited so.
        """
        if not access.is_secret:
            await self.check_attempt(what, f"{access.client_id}:{address}", per_minute=per_minute)

    async def reaches_redis(self) -> bool:
        """Whether Redis answers now; also true where none is set."""
        return self._storage is None or await self._storage.check()

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _hit(
        self, limit: RateLimitItemPerMinute, identifiers: tuple[str, ...]
    ) -> tuple[FixedWindowRateLimiter, bool]:
        """Count where it can be counted: there, and whether it was not too many."""
        if self._shared is not None and time.monotonic() >= self._ask_again_at:
            if self._is_down:
                # One message finds out whether it is back; the others do not wait for that.
                self._ask_again_at = time.monotonic() + PAUSE_S
            try:
                is_allowed = await self._shared.hit(limit, *identifiers)
            except (RedisError, OSError, TimeoutError) as error:
                self._miss(error)
            else:
                self._find_again()
                return self._shared, is_allowed
        return self._local, await self._local.hit(limit, *identifiers)

    def _miss(self, error: Exception) -> None:
        if not self._is_down:
            log.warning(
                "redis does not answer, limiting rates in this process alone", error=type(error).__name__
            )
        self._is_down = True
        self._ask_again_at = time.monotonic() + PAUSE_S

    def _find_again(self) -> None:
        if self._is_down:
            log.warning("redis answers again, limiting rates together")
        self._is_down = False
        self._ask_again_at = 0.0

    async def _too_many(
        self,
        limiter: FixedWindowRateLimiter,
        limit: RateLimitItemPerMinute,
        identifiers: tuple[str, ...],
        name: str,
    ) -> Problem:
        wait_s = await self._wait_s(limiter, limit, identifiers)
        return RateLimited(
            429,
            "rate_limited",
            f"More than {limit.amount} messages in a minute from this {name}. Try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )

    async def _wait_s(
        self, limiter: FixedWindowRateLimiter, limit: RateLimitItemPerMinute, identifiers: tuple[str, ...]
    ) -> int:
        try:
            window = await limiter.get_window_stats(limit, *identifiers)
        except (RedisError, OSError, TimeoutError) as error:
            self._miss(error)
            return WINDOW_S
        return min(WINDOW_S, max(1, math.ceil(window.reset_time - time.time())))
