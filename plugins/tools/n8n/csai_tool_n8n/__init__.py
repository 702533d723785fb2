"""csai tool backend: n8n webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import PluginSettings, ToolBackend, hookimpl

from csai_tool_n8n.backend import N8nBackend
from csai_tool_n8n.settings import N8nSettings


@hookimpl
def register_settings() -> type[PluginSettings]:
    return N8nSettings


@hookimpl
def register_tool_backends() -> Sequence[ToolBackend]:
    return [N8nBackend()]
