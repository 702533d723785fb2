"""Which models a client is to be answered by, in which order: its own choice within what its plan allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MAX_CHAIN = 10
DEFAULT_THRESHOLD = 30
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
class Routing:
    """Which models answer simple questions, before the chain; with none of them the chain answers all.

    A question is simple where its difficulty (see `routing.py`) is below the threshold.
    """

    simple: tuple[ModelRef, ...] = ()
    threshold: int = DEFAULT_THRESHOLD

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Routing:
        return cls(_parsed(stored.get("simple", ())), int(stored.get("threshold", DEFAULT_THRESHOLD)))

    def stored(self) -> dict[str, Any]:
        return {"simple": [str(ref) for ref in self.simple], "threshold": self.threshold}


@dataclass(frozen=True, slots=True)
class PlanProviders:
    """What a plan says of providers; kept as `providers` in the plan's features.

    `models` are the models that its clients may use: `provider/model`, or the beginning of one and a `*`;
    None allows all. `may_choose` is whether clients may have a chain of their own.
    """

    chain: tuple[ModelRef, ...] = ()
    models: tuple[str, ...] | None = None
    may_choose: bool = True
    routing: Routing = Routing()

    @classmethod
    def of(cls, features: Mapping[str, Any]) -> PlanProviders:
        stored = features.get("providers", {})
        models = stored.get("models")
        return cls(
            chain=_parsed(stored.get("chain", ())),
            models=None if models is None else tuple(models),
            may_choose=stored.get("may_choose", True),
            routing=Routing.of(stored.get("routing", {})),
        )

    def stored(self) -> dict[str, Any]:
        return {
            "chain": [str(ref) for ref in self.chain],
            "models": None if self.models is None else list(self.models),
            "may_choose": self.may_choose,
            **({"routing": self.routing.stored()} if self.routing.simple else {}),
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


def wanted_routing(plan: PlanProviders, settings: Mapping[str, Any]) -> Routing:
    """The client's own where its plan lets it choose, else the plan's.

    The plan's is for its own chain: a client with one of its own is answered by that, unless it says more.
    """
    if plan.may_choose:
        own = own_routing(settings)
        if own is not None:
            return own
        if own_chain(settings):
            return Routing()
    return plan.routing


def own_routing(settings: Mapping[str, Any]) -> Routing | None:
    """What the client itself says of simple questions; None where it leaves that to its plan."""
    return Routing.of(settings["routing"]) if "routing" in settings else None


def own_model(plan: PlanProviders, settings: Mapping[str, Any], provider: str) -> str:
    """The model that the client set for a provider in short; empty where it set none, or may not."""
    return str(settings.get("models", {}).get(provider) or "") if plan.may_choose else ""


def _parsed(texts: Sequence[str]) -> tuple[ModelRef, ...]:
    return tuple(map(ModelRef.parse, texts))
