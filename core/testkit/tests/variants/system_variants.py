"""A sound integration, and others with one thing wrong each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from csai_sdk import (
    Connection,
    ConnectionCheck,
    Endpoint,
    HttpError,
    Integration,
    IntegrationError,
    PluginContext,
    PluginSettings,
)

from core.testkit.tests.variants.variant import Plugin, breaks


class Sound(Integration):
    id = "sound"

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        try:
            await self.read(f"{connection.config['base_url']}/ping", connection, ctx)
        except KeyError:
            return ConnectionCheck(False, "give the system's address")
        except IntegrationError:
            return ConnectionCheck(False, "the system does not answer")
        return ConnectionCheck(True, "")

    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        return await self.read(endpoint.url.format(**arguments), connection, ctx)

    async def read(self, url: str, connection: Connection, ctx: PluginContext) -> Any:
        headers = {"authorization": f"Bearer {connection.config['api_key']}"}
        try:
            response = await ctx.http.request("GET", url, headers=headers)
        except HttpError as error:
            raise IntegrationError("the system gave no answer", retryable=True) from error
        if response.status != 200:
            raise self.failure(response.status)
        try:
            return json.loads(response.body)
        except ValueError:
            raise IntegrationError("the system's answer is no JSON") from None

    def failure(self, status: int) -> IntegrationError:
        return IntegrationError(f"HTTP {status}", retryable=status == 429 or status >= 500)


sound = Plugin(Sound, settings=PluginSettings)


@breaks("tells_what_may_be_tried_again")
class NeverSaysTryAgain(Sound):
    def failure(self, status: int) -> IntegrationError:
        return IntegrationError(f"HTTP {status}")


@breaks("checks_connections_without_raising")
class RaisesInItsCheck(Sound):
    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        await self.read(f"{connection.config['base_url']}/ping", connection, ctx)
        return ConnectionCheck(True, "")


@breaks("checks_connections_without_raising")
class ShowsAnAddress(Sound):
    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        found = await super().check(connection, ctx)
        return ConnectionCheck(found.is_ok, f"{found.detail}: {connection.config.get('base_url', '')}")
