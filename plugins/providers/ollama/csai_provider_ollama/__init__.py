"""csai provider: models served by Ollama."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import PluginSettings, Provider, hookimpl

from csai_provider_ollama.provider import OllamaProvider
from csai_provider_ollama.settings import OllamaSettings

__all__ = ["OllamaProvider", "OllamaSettings", "register_providers", "register_settings"]


@hookimpl
def register_settings() -> type[PluginSettings]:
    return OllamaSettings


@hookimpl
def register_providers() -> Sequence[Provider]:
    return (OllamaProvider(),)
