"""A client whose own systems list their tools, and an admin who looks at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from csai_sdk import (
    ListedTool,
    PluginContext,
    ToolBackend,
    ToolCall,
    ToolInvocation,
    ToolListing,
    ToolOutput,
    ToolSpec,
)
from csai_testkit.scripted import Step

from tests.support.operator import Operator
from tests.support.server import Server, TestClient

SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}}


def offered(name: str = "crm__find", description: str = "Finds a customer.", **how: Any) -> ListedTool:
    schema = how.pop("schema", SCHEMA)
    is_read_only = how.pop("is_read_only", True)
    how.setdefault("config", {"at": name})
    return ListedTool(ToolSpec(name, description, schema, is_read_only), **how)


class Systems(ToolBackend):
    """Offers what the test says, of each client."""

    id = "systems"

    def __init__(self) -> None:
        self.listings: list[ToolListing] | None = [ToolListing("crm", [offered()])]
        self.fault: Exception | None = None
        self.asked: list[str | None] = []
        self.calls: list[ToolInvocation] = []
        self.seen: PluginContext | None = None
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """What happens while they are asked."""

    def offer(self, *tools: ListedTool, source: str = "crm") -> None:
        self.listings = [ToolListing(source, tools)]

    async def list_tools(self, ctx: PluginContext) -> Sequence[ToolListing] | None:
        self.asked.append(ctx.client_id)
        self.seen = ctx
        if self.fault:
            raise self.fault
        found = self.listings
        if self.meanwhile:
            await self.meanwhile()
        return found

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        self.calls.append(call)
        return ToolOutput({"found": call.arguments})


class Site:
    """A server, its operator, and the client's tools as the API gives them."""

    def __init__(self, server: Server, admin: Operator, systems: Systems) -> None:
        self.server, self.admin, self.systems = server, admin, systems
        self.path = f"/admin/clients/{server.client.id}/tools"

    async def refresh(self) -> dict[str, Any]:
        answered = await self.admin.ask("POST", f"{self.path}/refresh")
        assert answered.status_code == 200, answered.text
        found: dict[str, Any]
        (found,) = answered.json()["sources"]
        return found

    async def tool(self, name: str = "crm__find") -> dict[str, Any] | None:
        tools = (await self.admin.get(self.path))["tools"]
        return next((tool for tool in tools if tool["name"] == name), None)

    async def switch(self, name: str = "crm__find", *, if_match: str = "*", **what: Any) -> Any:
        return await self.admin.change(f"{self.path}/{name}", what or {"enabled": True}, if_match=if_match)

    async def usable(self, client: TestClient | None = None) -> list[str]:
        """What a turn would offer the model."""
        client_id = (client or self.server.client).id
        async with self.server.services.database.read() as connection:
            from csai.clients.repository import ClientRepository

            row = await ClientRepository(connection, client_id).get()
        return list((await self.server.services.views.get(client_id, row.config_version)).tools)


def use_tool(request: Any) -> list[Step]:
    if hasattr(request.messages[-1], "results"):
        return ["Found."]
    return [ToolCall("c1", "crm__find", {"id": "7"})]
