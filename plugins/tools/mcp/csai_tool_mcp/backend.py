"""The backend, which loads the SDK of MCP with the first that needs it: that takes a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from csai_sdk import (
    PluginContext,
    ToolBackend,
    ToolError,
    ToolInvocation,
    ToolListing,
    ToolOutput,
    load_module,
)

from csai_tool_mcp.command import AllowedCommand
from csai_tool_mcp.failure import NOT_SET_UP
from csai_tool_mcp.process import Processes
from csai_tool_mcp.settings import McpServer, McpSettings

if TYPE_CHECKING:
    from csai_tool_mcp.connection import Connection


class McpBackend(ToolBackend):
    """Lists the tools of a client's MCP servers, and calls them over one session a server."""

    id = "mcp"

    def __init__(self, commands: Mapping[str, AllowedCommand]) -> None:
        self._commands = commands
        self._processes = Processes()
        # The SDK's records quote what servers send: tokens that they repeat, and visitors' words.
        logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)

    async def run(self, call: ToolInvocation, ctx: PluginContext) -> ToolOutput:
        name, tool = call.config.get("server"), call.config.get("tool")
        server = _servers(ctx).get(name) if isinstance(name, str) else None
        if server is None or not isinstance(tool, str) or self._fault(server):
            ctx.log.warning("tool of an MCP server that is not set up", extra={"tool": call.tool.name})
            raise ToolError(NOT_SET_UP)
        await load_module("csai_tool_mcp.call")
        from csai_tool_mcp.call import ServerCall

        return await ServerCall(call, tool, self._connection(server, ctx), ctx).run()

    async def list_tools(self, ctx: PluginContext) -> Sequence[ToolListing]:
        return await asyncio.gather(*(self._listing(server, ctx) for server in _servers(ctx).values()))

    async def _listing(self, server: McpServer, ctx: PluginContext) -> ToolListing:
        if fault := self._fault(server):
            return ToolListing(server.name, problem=fault)
        await load_module("csai_tool_mcp.listing")
        from csai_tool_mcp.listing import list_server

        return await list_server(self._connection(server, ctx))

    def _connection(self, server: McpServer, ctx: PluginContext) -> Connection:
        from csai_tool_mcp.connection import open_connection

        command = self._commands.get(server.command)
        return ctx.resource(
            f"server:{server.name}", lambda: open_connection(server, command, ctx, self._processes)
        )

    def _fault(self, server: McpServer) -> str:
        if not server.command or server.command in self._commands:
            return ""
        allowed = ", ".join(sorted(self._commands)) or "none"
        return f"the operator of this installation allows no command '{server.command}'; allowed: {allowed}"


def _servers(ctx: PluginContext) -> Mapping[str, McpServer]:
    return {server.name: server for server in ctx.settings_as(McpSettings).servers}
