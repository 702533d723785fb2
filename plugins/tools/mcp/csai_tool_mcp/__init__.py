"""csai tool backend: the tools of a client's MCP servers."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import PluginSettings, ToolBackend, hookimpl

from csai_tool_mcp.backend import McpBackend
from csai_tool_mcp.command import allowed_commands
from csai_tool_mcp.settings import McpSettings


@hookimpl
def register_settings() -> type[PluginSettings]:
    return McpSettings


@hookimpl
def register_tool_backends() -> Sequence[ToolBackend]:
    return [McpBackend(allowed_commands())]
