"""csai provider: Anthropic's Claude models."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import PluginSettings, Provider, hookimpl

from csai_provider_claude.provider import ClaudeProvider
from csai_provider_claude.settings import ClaudeSettings

__all__ = ["ClaudeProvider", "ClaudeSettings", "register_providers", "register_settings"]


@hookimpl
def register_settings() -> type[PluginSettings]:
    return ClaudeSettings


@hookimpl
def register_providers() -> Sequence[Provider]:
    return [ClaudeProvider()]
