"""Which providers answer for a client, and in which order: one rule for turns and for `csai doctor`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import structlog
from csai_sdk import PluginContext, Provider

from csai.plugins.registry import PluginRegistry

log = structlog.get_logger(__name__)

OFFLINE = "offline"


def usable_providers(registry: PluginRegistry, contexts: Mapping[str, PluginContext]) -> list[str]:
    """Providers that could be called, in the order of their registration; `contexts` by plugin in use."""
    return [
        provider_id
        for provider_id, (plugin_id, provider) in registry.providers.items()
        if plugin_id in contexts and _is_configured(provider, contexts[plugin_id])
    ]


def provider_chain(usable: Collection[str], *, wanted: str, fallbacks: Sequence[str] = ()) -> list[str]:
    """The providers to ask, one after the other.

    The wanted one and the fallbacks as far as they are usable; where none of them is, the first that is.
    The offline provider answers when nothing else can: it needs nothing and costs nothing.
    """
    chain = [name for name in (wanted, *fallbacks) if name in usable]
    if not chain:
        chain = [name for name in usable if name != OFFLINE][:1]
    return [name for name in dict.fromkeys((*chain, OFFLINE)) if name in usable]


def _is_configured(provider: Provider, context: PluginContext) -> bool:
    try:
        return provider.is_configured(context)
    except (Exception, SystemExit):
        log.exception("provider cannot tell whether it is configured", provider=provider.id)
        return False
