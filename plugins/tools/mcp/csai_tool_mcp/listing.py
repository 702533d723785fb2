"""A server's tools as the catalog takes them."""

from __future__ import annotations

import asyncio

from csai_sdk import ListedTool, ToolListing, ToolSpec
from mcp.client.session import ClientSession
from mcp_types import PaginatedRequestParams, Tool

from csai_tool_mcp.connection import Connection
from csai_tool_mcp.failure import RequestFailed
from csai_tool_mcp.name import catalog_name

LIST_S = 20.0
MAX_PAGES = 50
MAX_TOOLS = 500


async def list_server(connection: Connection) -> ToolListing:
    """All that it offers, or why it cannot say."""
    name = connection.server.name
    try:
        async with asyncio.timeout(LIST_S):
            try:
                tools = await connection.request(_all_tools)
            except RequestFailed as failure:
                # Its session may have ended since it was last used.
                if not failure.may_repeat(is_idempotent=True):
                    raise
                tools = await connection.request(_all_tools)
    except RequestFailed as failure:
        return ToolListing(name, problem=str(failure))
    except TimeoutError:
        return ToolListing(name, problem="it did not answer in time")
    return ToolListing(name, tools=[_listed(name, tool) for tool in tools])


async def _all_tools(session: ClientSession) -> list[Tool]:
    found: dict[str, Tool] = {}
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        params = None if cursor is None else PaginatedRequestParams(cursor=cursor)
        page = await session.list_tools(params=params)
        found |= {tool.name: tool for tool in page.tools}
        cursor = page.next_cursor
        if len(found) > MAX_TOOLS:
            raise RequestFailed("refused", f"it lists more than {MAX_TOOLS} tools", is_setup=True)
        if cursor is None:
            return list(found.values())
    raise RequestFailed("refused", f"its list of tools has more than {MAX_PAGES} pages", is_setup=True)


def _listed(server: str, tool: Tool) -> ListedTool:
    hints = tool.annotations
    is_read_only = bool(hints and hints.read_only_hint)
    title = tool.title or (hints.title if hints else None) or tool.name
    return ListedTool(
        spec=ToolSpec(
            name=catalog_name(server, tool.name),
            description=(tool.description or "").strip() or title,
            parameters_schema=tool.input_schema,
            is_read_only=is_read_only,
        ),
        is_idempotent=is_read_only or bool(hints and hints.idempotent_hint),
        config={"server": server, "tool": tool.name},
    )
