"""A plugin's store in memory, with the server's limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
