"""What plugins keep, in memory, with the server's limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csai_sdk import Clock, StoreFull
from csai_sdk.store import MAX_KEYS, MAX_TOTAL_BYTES, encode_entry


@dataclass(frozen=True)
class Entry:
    """What is kept under a key. `visitor_id` is the visitor's it tells of."""

    text: str
    visitor_id: str | None
    expires_at: datetime | None

    @property
    def size_bytes(self) -> int:
        return len(self.text.encode())


@dataclass
class MemoryStore:
    """Keeps what one plugin sets for one client; takes any visitor's id. `entries` is what it holds."""

    clock: Clock
    entries: dict[str, Entry] = field(default_factory=dict)

    async def get(self, key: str) -> Any:
        entry = dict(self._alive()).get(key)
        return json.loads(entry.text) if entry else None

    async def set(
        self,
        key: str,
        value: Any,
        *,
        visitor_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        entry = Entry(encode_entry(key, value), visitor_id, expires_at)
        others = [other for name, other in self._alive() if name != key]
        if len(others) >= MAX_KEYS or sum(other.size_bytes for other in others) + entry.size_bytes > (
            MAX_TOTAL_BYTES
        ):
            raise StoreFull("the plugin keeps as much of this client as it may")
        self.entries[key] = entry

    async def delete(self, key: str) -> bool:
        is_there = key in dict(self._alive())
        self.entries.pop(key, None)
        return is_there

    async def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key, _entry in self._alive() if key.startswith(prefix))

    def forget_visitor(self, visitor_id: str) -> None:
        """What the server does when a visitor is erased."""
        self.entries = {key: item for key, item in self.entries.items() if item.visitor_id != visitor_id}

    def _alive(self) -> Iterator[tuple[str, Entry]]:
        now = self.clock.now()
        for key, entry in self.entries.items():
            if entry.expires_at is None or entry.expires_at > now:
                yield key, entry


@dataclass
class MemoryTokens:
    """A connection's tokens in memory. `renewals` counts how often they were made."""

    kept: Mapping[str, Any] | None = None
    renewals: int = 0
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self) -> Mapping[str, Any] | None:
        return self.kept

    async def renew(
        self,
        seen: Mapping[str, Any] | None,
        make: Callable[[Mapping[str, Any] | None], Awaitable[Mapping[str, Any]]],
    ) -> Mapping[str, Any]:
        async with self._renewing:
            if self.kept is None or self.kept == seen:
                self.kept = json.loads(json.dumps(dict(await make(self.kept))))
                self.renewals += 1
            return self.kept or {}
