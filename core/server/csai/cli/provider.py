"""Which model provider answers, and because of what."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress

from pydantic import ValidationError

from csai.config import Settings
from csai.kit.clock import SystemClock
from csai.kit.egress import EgressPolicy
from csai.kit.outbound import Outbound
from csai.plugins.chain import model_chain, usable_providers
from csai.plugins.context import KeptResources, build_context
from csai.plugins.registry import PluginRegistry
from csai.plugins.store import NoStore
from csai.providers.choice import OFFLINE, ModelRef

NO_MODEL = "offline assistant: no AI model; set ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST to use one"


def answering_provider(registry: PluginRegistry, settings: Settings) -> str | None:
    """The provider of a client that names none and has nothing of its own."""
    outbound = Outbound(EgressPolicy())
    contexts = {}
    for plugin in registry.plugins.values():
        if plugin.id not in settings.plugins_on_by_default:
            continue
        # A variable of the operator's does not fit: to a turn, too, the plugin is then as if it were off.
        with suppress(ValidationError):
            contexts[plugin.id] = build_context(
                plugin,
                client_id=None,
                own_settings={},
                http=outbound.http,
                transports=outbound.transports,
                clock=SystemClock(),
                resources=KeptResources(),
                store=NoStore(),
            )
    chain = model_chain(
        usable_providers(registry, contexts),
        wanted=[ModelRef(settings.llm_provider)],
        model_of=lambda name: registry.providers[name][1].default_model if name in registry.providers else "",
    )
    return chain[0].provider if chain else None


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


def _main() -> None:
    """For `csai doctor`, which imports no plugin itself: the provider, and why it is this."""
    from csai.cli.configuration import load_settings, start_logging
    from csai.plugins.vetting import load_registry

    settings = load_settings()
    start_logging(settings, level="critical")
    registry = load_registry(settings)
    chosen = answering_provider(registry, settings)
    detail = explain(chosen, registry=registry, settings=settings) if chosen else ""
    print(json.dumps([chosen, detail]))


if __name__ == "__main__":
    _main()
