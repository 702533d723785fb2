"""The models that answer a client, each with the context to call it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from csai_sdk import PluginContext, Provider

from csai.clients.repository import ClientRow
from csai.plugins.chain import model_chain, named_models, usable_providers
from csai.plugins.registry import PluginRegistry
from csai.providers.choice import ModelRef, PlanProviders, own_model, wanted_chain, wanted_routing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChosenProvider:
    """A provider of the client's chain, with the model it is to use."""

    provider: Provider
    ctx: PluginContext
    model: str


class AnsweringModels:
    """What the client asks for, within its plan, of what could be called. `contexts` by plugin in use."""

    def __init__(
        self,
        client: ClientRow,
        *,
        registry: PluginRegistry,
        contexts: Mapping[str, PluginContext],
        default_provider: str,
    ) -> None:
        self._client = client
        self._registry = registry
        self._contexts = contexts
        self._default_provider = default_provider
        self._plan = PlanProviders.of(client.features)
        self._routing = wanted_routing(self._plan, client.settings)
        self._usable = usable_providers(registry, contexts)

    @property
    def usable(self) -> frozenset[str]:
        """Providers that could be called for the client."""
        return frozenset(self._usable)

    @property
    def threshold(self) -> int:
        return self._routing.threshold

    def chain(self) -> tuple[ChosenProvider, ...]:
        """Who answers, one after the other."""
        wanted = wanted_chain(
            self._plan, self._client.settings, default_provider=self._default_provider
        ).chain
        chain = self.chain_of(wanted)
        if wanted and wanted[0].provider not in {chosen.provider.id for chosen in chain}:
            log.error("the chosen provider cannot be used", client_id=self._client.id, model=str(wanted[0]))
        return chain

    def simple(self) -> tuple[ChosenProvider, ...]:
        """Who is asked before the chain where the question is simple; nobody takes their place."""
        return self._chosen(
            named_models(
                self._usable,
                wanted=self._routing.simple,
                model_of=self._model_of,
                allows=self._plan.allows,
            )
        )

    def chain_of_arm(self, wanted: Sequence[ModelRef]) -> tuple[ChosenProvider, ...]:
        """The same, but nobody where no one of those asked for can be asked: another is another arm."""
        named = named_models(self._usable, wanted=wanted, model_of=self._model_of, allows=self._plan.allows)
        return self.chain_of(wanted) if named else ()

    def only(self, wanted: ModelRef) -> tuple[ChosenProvider, ...]:
        """This one and nobody in its place; nobody where it cannot be asked."""
        return self._chosen(
            named_models(self._usable, wanted=(wanted,), model_of=self._model_of, allows=self._plan.allows)
        )

    def chain_of(self, wanted: Sequence[ModelRef]) -> tuple[ChosenProvider, ...]:
        """Who answers where this is asked for."""
        chain = model_chain(self._usable, wanted=wanted, model_of=self._model_of, allows=self._plan.allows)
        return self._chosen(chain)

    def _model_of(self, provider_id: str) -> str:
        plugin_id, provider = self._registry.providers.get(provider_id, ("", None))
        if provider is None or plugin_id not in self._contexts:
            return ""
        own = own_model(self._plan, self._client.settings, provider_id)
        return str(
            own or getattr(self._contexts[plugin_id].settings, "model", None) or provider.default_model
        )

    def _chosen(self, refs: Sequence[ModelRef]) -> tuple[ChosenProvider, ...]:
        chosen = []
        for ref in refs:
            plugin_id, provider = self._registry.providers[ref.provider]
            chosen.append(ChosenProvider(provider, self._contexts[plugin_id], ref.model))
        return tuple(chosen)
