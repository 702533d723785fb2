"""csai provider: OpenAI's models and servers that speak its chat completions."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import PluginSettings, Provider, hookimpl

from csai_provider_openai.provider import OpenAIProvider
from csai_provider_openai.settings import OpenAISettings

__all__ = ["OpenAIProvider", "OpenAISettings", "register_providers", "register_settings"]


@hookimpl
def register_settings() -> type[PluginSettings]:
    return OpenAISettings


@hookimpl
def register_providers() -> Sequence[Provider]:
    return [OpenAIProvider()]
