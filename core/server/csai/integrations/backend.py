"""The backend of tools that read a client's own systems."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from csai_sdk import (
    IntegrationError,
    PluginContext,
    SettingsError,
    ToolBackend,
    ToolError,
    ToolInvocation,
    ToolOutput,
)

from csai.integrations.freshness import Freshness
from csai.integrations.offer import Offer
from csai.integrations.repository import BACKEND
from csai.kit.cache import Cache
from csai.kit.text import clean

MAX_CACHED_BYTES = 256_000
UNREADABLE = "The system's answer could not be understood."


class IntegrationBackend(ToolBackend):
    """Reads the endpoints that one client offers its model."""

    id = BACKEND

    def __init__(self, offers: Mapping[str, Offer], cache: Cache | None) -> None:
        self._offers = offers
        self._cache = cache
        self._freshness = Freshness(cache) if cache is not None else None

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        offer = self._offers[call.tool.name]
        arguments = offer.arguments(call.arguments, call.visitor_id)
        key = _key(ctx.client_id, offer, arguments, call.visitor_id, await self._since(ctx.client_id, offer))
        if (kept := await self._kept(offer, key)) is not None:
            return ToolOutput(json.loads(kept))
        try:
            value = await offer.integration.fetch(
                offer.connection, offer.endpoint, arguments, visitor_id=call.visitor_id, ctx=ctx
            )
        except (IntegrationError, SettingsError) as error:
            raise ToolError(str(error)) from error
        answer = _encoded(value)
        if self._cache is not None and offer.cache_s and len(answer) <= MAX_CACHED_BYTES:
            await self._cache.set(key, answer, lifetime_s=offer.cache_s)
        return ToolOutput(json.loads(answer))

    async def _kept(self, offer: Offer, key: str) -> bytes | None:
        return await self._cache.get(key) if self._cache is not None and offer.cache_s else None

    async def _since(self, client_id: str | None, offer: Offer) -> str:
        if self._freshness is None or not offer.cache_s or client_id is None:
            return ""
        return await self._freshness.mark(client_id, offer.connection.id)


def _encoded(value: Any) -> bytes:
    """Half surrogate pairs come of texts that a system cut; infinite numbers of ones too large for it.

    Neither is the plugin's fault, which would be left alone for it. Raises `ToolError`.
    """
    try:
        return clean(json.dumps(value, ensure_ascii=False, allow_nan=False)).encode()
    except (ValueError, RecursionError):
        raise ToolError(UNREADABLE) from None


def _key(
    client_id: str | None,
    offer: Offer,
    arguments: Mapping[str, object],
    visitor_id: str | None,
    since: str,
) -> str:
    """Of the visitor too, also where the endpoint is not private: an integration may look at who asks."""
    said = json.dumps([offer.mark, since, arguments, visitor_id], sort_keys=True)
    return f"cache:{client_id}:integration:{hashlib.sha256(said.encode()).hexdigest()}"
