"""Access tokens of an app that has a client ID and a secret: they last a day and are asked for anew.

Source: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

from csai_sdk import HttpError, IntegrationError, PluginContext

from csai_integration_shopify.settings import ShopifyConnection

NOT_SET_UP = "The shop is not connected properly at the moment. Tell the visitor that it cannot be read now."
NO_ANSWER = "The shop does not answer at the moment."

_EARLY = timedelta(minutes=5)
_SHORTEST_S, _LONGEST_S = 60.0, 86_400.0


class Tokens:
    """A connection's token; whoever comes while it is being asked for waits for the same."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at: datetime | None = None

    async def get(self, settings: ShopifyConnection, ctx: PluginContext, *, timeout_s: float) -> str:
        """Raises `IntegrationError`."""
        async with self._lock:
            now = ctx.clock.now()
            if not self._token or self._renew_at is None or now >= self._renew_at:
                self._token, lifetime = await _ask(settings, ctx, timeout_s=timeout_s)
                self._renew_at = now + max(lifetime - _EARLY, lifetime / 2)
            return self._token

    def drop(self, token: str) -> None:
        """The shop takes it no more."""
        if token == self._token:
            self._token = ""


async def _ask(settings: ShopifyConnection, ctx: PluginContext, *, timeout_s: float) -> tuple[str, timedelta]:
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    form = {"grant_type": "client_credentials", "client_id": settings.client_id, "client_secret": secret}
    try:
        response = await ctx.http.request(
            "POST",
            f"{settings.address}/admin/oauth/access_token",
            headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            content=urlencode(form).encode(),
            timeout_s=timeout_s,
            max_bytes=100_000,
        )
    except HttpError as error:
        raise IntegrationError(NO_ANSWER, retryable=True) from error
    if response.status == 429 or response.status >= 500:
        raise IntegrationError(NO_ANSWER, retryable=True)
    if response.status != 200:
        ctx.log.warning("shopify gave no access token", extra={"status": response.status})
        raise IntegrationError(NOT_SET_UP)
    try:
        said = json.loads(response.body)
        token, lifetime_s = str(said["access_token"]), float(said.get("expires_in", _LONGEST_S))
        lifetime = timedelta(seconds=min(max(lifetime_s, _SHORTEST_S), _LONGEST_S))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise IntegrationError(NO_ANSWER, retryable=True) from None
    if not token or not token.isascii() or not token.isprintable():
        raise IntegrationError(NOT_SET_UP)
    return token, lifetime
