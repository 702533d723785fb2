"""Which model provider answers, and because of what."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from csai.config import Settings
from csai.kit.clock import SystemClock
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.plugins.context import KeptResources, build_context
from csai.plugins.registry import PluginRegistry

OFFLINE = "offline"
NO_MODEL = "offline assistant: no AI model; set ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST to use one"


def usable_providers(registry: PluginRegistry) -> list[str]:
    """Providers that could be called as the installation is set up, without anything from a client."""
    outbound = Outbound(EgressPolicy())
    usable = []
    for provider_id, (plugin_id, provider) in registry.providers.items():
        context = build_context(
            registry.plugins[plugin_id],
            client_id=None,
            own_settings={},
            http=outbound.http,
            transports=outbound.transports,
            clock=SystemClock(),
            resources=KeptResources(),
        )
        if provider.is_configured(context):
            usable.append(provider_id)
    return usable


def first_provider(usable: Collection[str], settings: Settings) -> str | None:
    """The provider of a client that names none."""
    if settings.llm_provider in usable:
        return settings.llm_provider
    return next((name for name in usable if name != OFFLINE), OFFLINE if OFFLINE in usable else None)


def explain(
    provider_id: str,
    *,
    registry: PluginRegistry,
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
) -> str:
    """One line for people: what answers, and why it is this."""
    unmet = settings.llm_provider and settings.llm_provider != provider_id
    wish = f" (CSAI_LLM_PROVIDER asks for {settings.llm_provider}, which is not set up)" if unmet else ""
    if provider_id == OFFLINE:
        return NO_MODEL + wish
    named = [name for name in _variables(registry, provider_id) if environment.get(name)]
    if settings.llm_provider == provider_id:
        named.insert(0, "CSAI_LLM_PROVIDER")
    if not named:
        return provider_id + wish
    return f"{provider_id}, because {' and '.join(named)} {'is' if len(named) == 1 else 'are'} set{wish}"


def _variables(registry: PluginRegistry, provider_id: str) -> list[str]:
    plugin_id, _provider = registry.providers[provider_id]
    extras = [
        field.json_schema_extra for field in registry.plugins[plugin_id].settings_model.model_fields.values()
    ]
    return [str(extra["env"]) for extra in extras if isinstance(extra, dict) and "env" in extra]
