"""Whether what was read from a client's system may still be given as an answer."""

from __future__ import annotations

from csai.kit.cache import Cache
from csai.kit.identifier import new_id

LIFETIME_S = 7 * 86_400
"""Longer than any answer is kept."""


class Freshness:
    """Marks that stand in the keys of kept answers: with a new one, all that was kept is found no more.

    Also what is being read just now, as its key was made before. Kept beside the answers and lost with them.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def mark(self, client_id: str, integration_id: str) -> str:
        return (await self._cache.get(_key(client_id, integration_id)) or b"").decode()

    async def end(self, client_id: str, integration_id: str) -> None:
        """What was read of the connection until now is stale."""
        await self._cache.set(_key(client_id, integration_id), new_id().encode(), lifetime_s=LIFETIME_S)


def _key(client_id: str, integration_id: str) -> str:
    return f"cache:{client_id}:integration-since:{integration_id}"
