"""Which models a client is to be answered by, in which order: its own choice within what its plan allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MAX_CHAIN = 10
OFFLINE = "offline"
"""The provider without a model: it needs nothing and costs nothing, so no plan forbids it."""

Source = Literal["client", "plan", "installation"]


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A provider and one of its models, written `provider/model`.

    Without a model it is the one that the client's settings of the provider name, or the provider's own.
    """

    provider: str
    model: str = ""

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Models may have slashes in their names, providers have none."""
        provider, _, model = text.partition("/")
        return cls(provider.strip(), model.strip())

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class PlanProviders:
    """What a plan says of providers; kept as `providers` in the plan's features.

    `models` are the models that its clients may use: `provider/model`, or the beginning of one and a `*`;
    None allows all. `may_choose` is whether clients may have a chain of their own.
    """

    chain: tuple[ModelRef, ...] = ()
    models: tuple[str, ...] | None = None
    may_choose: bool = True

    @classmethod
    def of(cls, features: Mapping[str, Any]) -> PlanProviders:
        stored = features.get("providers", {})
        models = stored.get("models")
        return cls(
            chain=_parsed(stored.get("chain", ())),
            models=None if models is None else tuple(models),
            may_choose=stored.get("may_choose", True),
        )

    def stored(self) -> dict[str, Any]:
        return {
            "chain": [str(ref) for ref in self.chain],
            "models": None if self.models is None else list(self.models),
            "may_choose": self.may_choose,
        }

    def allows(self, provider: str, model: str) -> bool:
        if self.models is None:
            return True
        name = f"{provider}/{model}"
        return any(
            name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
            for pattern in self.models
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The chain that is asked for, and who asks for it."""

    chain: tuple[ModelRef, ...]
    source: Source


def wanted_chain(plan: PlanProviders, settings: Mapping[str, Any], *, default_provider: str) -> Wanted:
    """The client's own chain where its plan lets it choose, else the plan's, else the installation's."""
    own = own_chain(settings) if plan.may_choose else ()
    if own:
        return Wanted(own, "client")
    if plan.chain:
        return Wanted(plan.chain, "plan")
    return Wanted((ModelRef(default_provider),) if default_provider else (), "installation")


def own_chain(settings: Mapping[str, Any]) -> tuple[ModelRef, ...]:
    """What the client itself asks for: its chain, or in short its provider and those to fall back on."""
    if settings.get("chain"):
        return _parsed(settings["chain"])
    named = (settings.get("provider"), *settings.get("fallback_providers", ()))
    return tuple(ModelRef(name) for name in named if name)


def own_model(plan: PlanProviders, settings: Mapping[str, Any], provider: str) -> str:
    """The model that the client set for a provider in short; empty where it set none, or may not."""
    return str(settings.get("models", {}).get(provider) or "") if plan.may_choose else ""


def _parsed(texts: Sequence[str]) -> tuple[ModelRef, ...]:
    return tuple(map(ModelRef.parse, texts))
