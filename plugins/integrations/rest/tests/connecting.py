"""A connection to the vendor, and what is asked of it."""

from __future__ import annotations

from typing import Any

from csai_integration_rest.integration import RestIntegration
from csai_integration_rest.settings import RestSettings
from csai_sdk import Connection, Endpoint, PluginContext
from csai_testkit.context import make_context
from csai_testkit.store import MemoryTokens

from plugins.integrations.rest.tests.vendor import Vendor

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "list": {"type": "array"}},
    "required": ["a"],
}
READ = Endpoint("read", "/things/{a}", parameters_schema=SCHEMA)


class Naps:
    """Sleeps that take no time, and how long they would have been."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)


def connection(vendor: Vendor, tokens: MemoryTokens | None = None, **settings: Any) -> Connection:
    made = {"base_url": f"{vendor.url}/v1", "token_url": f"{vendor.url}/oauth/token", **settings}
    return Connection("c", RestSettings.model_validate(made), tokens or MemoryTokens())


async def fetch(
    connected: Connection,
    endpoint: Endpoint = READ,
    *,
    arguments: dict[str, Any] | None = None,
    visitor_id: str | None = None,
    ctx: PluginContext | None = None,
    naps: Naps | None = None,
) -> Any:
    integration = RestIntegration((naps or Naps()).sleep)
    integration.check_endpoint(endpoint)
    given = {"a": "x"} if arguments is None else arguments
    return await integration.fetch(
        connected, endpoint, given, visitor_id=visitor_id, ctx=ctx or make_context()
    )
