"""What a plugin remembers of a client: small, and gone with the visitor or the client."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Protocol

from csai_sdk.errors import CsaiError

MAX_KEY_CHARS = 200
MAX_VALUE_BYTES = 16_384
MAX_KEYS = 1_000
MAX_TOTAL_BYTES = 1_048_576


class StoreFull(CsaiError):
    """What was to be kept is too large, or the plugin keeps as much of this client as it may."""


class Store(Protocol):
    """A plugin's keys and values for one client. Values are JSON.

    Limits, for each plugin and client: 1,000 keys of at most 200 characters, 16 kB a value, 1 MB in all
    (values as compact JSON in UTF-8). Other plugins and other clients never see it. It outlives restarts and
    upgrades of the plugin, and stays when the plugin is switched off; it goes with the client. What is kept
    with a `visitor_id` goes with that visitor too: give it whenever a value tells of one.

    All methods raise `RuntimeError` where the context is the installation's, not a client's.
    """

    async def get(self, key: str) -> Any:
        """The value; None where there is none, or it has expired."""
        ...

    async def set(
        self,
        key: str,
        value: Any,
        *,
        visitor_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Keep a value, in place of what was there.

        `visitor_id` is a verified visitor's, as events give it; `expires_at` is aware. Raises `StoreFull`
        when a limit would be passed, `ValueError` for what is no JSON or no key, or for an unknown visitor.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Forget a key; whether it was there."""
        ...

    async def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin so and have not expired, in order."""
        ...


def encode_entry(key: str, value: Any) -> str:
    """The value as every store keeps it. Raises as `Store.set` does, and `TypeError`.

    `TypeError` is for objects that JSON has no form for.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    size_bytes = len(text.encode())
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isprintable():
        raise ValueError(f"a key has 1 to {MAX_KEY_CHARS} printable characters")
    if size_bytes > MAX_VALUE_BYTES:
        raise StoreFull(f"a value has at most {MAX_VALUE_BYTES} bytes, this one has {size_bytes}")
    return text
