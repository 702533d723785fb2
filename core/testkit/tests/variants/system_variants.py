"""A sound integration, and others with one thing wrong each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
from pydantic import Field, SecretStr

from core.testkit.tests.variants.variant import Plugin, breaks


class ConnectionSettings(PluginSettings):
    base_url: str = Field(
        "", title="Address", description="Where the system is.", json_schema_extra={"url": True}
    )
    api_key: SecretStr = Field(SecretStr(""), title="Key", description="The system's key.")


class Sound(Integration):
    id = "sound"
    connection_settings = ConnectionSettings

    def endpoints(self) -> Sequence[Endpoint]:
        return (Endpoint("orders", description="Orders."),)

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        if not (base_url := connection.settings_as(ConnectionSettings).base_url):
            return ConnectionCheck(False, "give the system's address")
        try:
            await self.read(f"{base_url}/ping", connection, ctx)
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
        key = connection.settings_as(ConnectionSettings).api_key.get_secret_value()
        headers = {"authorization": f"Bearer {key}"}
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
        base_url = connection.settings_as(ConnectionSettings).base_url
        await self.read(f"{base_url}/ping", connection, ctx)
        return ConnectionCheck(True, "")


@breaks("checks_connections_without_raising")
class ShowsAnAddress(Sound):
    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        found = await super().check(connection, ctx)
        base_url = connection.settings_as(ConnectionSettings).base_url
        return ConnectionCheck(found.is_ok, f"{found.detail}: {base_url}")


class Undescribed(PluginSettings):
    base_url: str = Field("", json_schema_extra={"url": True})
    api_key: SecretStr = SecretStr("")


@breaks("describes_connections_and_endpoints")
class ExplainsNoField(Sound):
    connection_settings = Undescribed  # type: ignore[assignment]

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        return ConnectionCheck(False, "the system does not answer")

    async def read(self, url: str, connection: Connection, ctx: PluginContext) -> Any:
        given = connection.settings_as(Undescribed)
        known = ConnectionSettings(base_url=given.base_url, api_key=given.api_key)
        return await super().read(url, Connection(connection.id, known), ctx)


@breaks("describes_connections_and_endpoints")
class ExplainsNoEndpoint(Sound):
    def endpoints(self) -> Sequence[Endpoint]:
        return (Endpoint("orders"),)
