"""Which models answer for a client, and in which order: one rule for turns and for `csai doctor`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog
from csai_sdk import PluginContext, Provider

from csai.knowledge.embedder import Embedder, EmbeddingChoice
from csai.plugins.registry import PluginRegistry
from csai.providers.choice import OFFLINE, ModelRef, PlanProviders

log = structlog.get_logger(__name__)


def usable_providers(registry: PluginRegistry, contexts: Mapping[str, PluginContext]) -> list[str]:
    """Providers that could be called, in the order of their registration; `contexts` by plugin in use."""
    return [
        provider_id
        for provider_id, (plugin_id, provider) in registry.providers.items()
        if plugin_id in contexts and _is_configured(provider, contexts[plugin_id])
    ]


def model_chain(
    usable: Collection[str],
    *,
    wanted: Sequence[ModelRef],
    model_of: Callable[[str], str],
    allows: Callable[[str, str], bool] = lambda _provider, _model: True,
) -> list[ModelRef]:
    """The models to ask, one after the other, each with its name.

    Those wanted as far as they are usable and allowed; where none of them is, the first that is.
    `model_of` names a provider's model where nobody names one. The offline provider answers when nothing else
    can.
    """
    chain = named_models(usable, wanted=wanted, model_of=model_of, allows=allows)
    if not chain:
        others = [ModelRef(name) for name in usable if name != OFFLINE]
        chain = named_models(usable, wanted=others, model_of=model_of, allows=allows)[:1]
    if OFFLINE in usable and all(ref.provider != OFFLINE for ref in chain):
        chain.append(ModelRef(OFFLINE, model_of(OFFLINE)))
    return list(dict.fromkeys(chain))


def usable_embedder(
    registry: PluginRegistry,
    contexts: Mapping[str, PluginContext],
    wanted: EmbeddingChoice,
    plan: PlanProviders,
) -> Embedder | None:
    """What is wanted as an embedding model, if it could be called and the plan allows it."""
    if wanted.ref is None or wanted.ref.provider not in usable_providers(registry, contexts):
        return None
    plugin_id, provider = registry.providers[wanted.ref.provider]
    model = wanted.ref.model or provider.default_embedding_model
    if not provider.default_embedding_model or not (
        provider.id == OFFLINE or plan.allows(provider.id, model)
    ):
        return None
    return Embedder(provider, contexts[plugin_id], model, wanted.dimensions, wanted.min_similarity)


def named_models(
    usable: Collection[str],
    *,
    wanted: Sequence[ModelRef],
    model_of: Callable[[str], str],
    allows: Callable[[str, str], bool],
) -> list[ModelRef]:
    """Those wanted that are usable and allowed, each with its model's name; nothing in their place."""
    named = (ModelRef(ref.provider, ref.model or model_of(ref.provider)) for ref in wanted if ref.provider)
    return [
        ref
        for ref in named
        if ref.provider in usable and (ref.provider == OFFLINE or allows(ref.provider, ref.model))
    ]


def _is_configured(provider: Provider, context: PluginContext) -> bool:
    try:
        return provider.is_configured(context)
    except (Exception, SystemExit):
        log.exception("provider cannot tell whether it is configured", provider=provider.id)
        return False
