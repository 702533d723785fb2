"""Choosing models for a client and for a plan: one way in for the HTTP API and the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.chat.breaker import circuit_of
from csai.clients.repository import ClientRepository, ClientRow
from csai.clients.service import check_allowed, plan_chooses
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.plugins.answering import ChosenProvider
from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientViews
from csai.providers.choice import (
    MAX_CHAIN,
    ModelRef,
    PlanProviders,
    Routing,
    own_chain,
    own_model,
    own_routing,
    wanted_chain,
    wanted_routing,
)
from csai.providers.repository import PlanFeatures
from csai.providers.schemas import (
    AnsweringModel,
    ClientProviders,
    LeftOut,
    PlanProvidersState,
    RoutingState,
)

MAX_MODEL_CHARS = 200
MAX_PATTERNS = 200
IN_SHORT = ("provider", "fallback_providers", "models")
"""The settings that a chain takes the place of."""
CHOSEN = ("chain", "routing", *IN_SHORT)


@dataclass(frozen=True, slots=True)
class ProviderChange:
    """What a client is to be answered by; an empty chain, and no routing, leave it to the plan."""

    chain: tuple[ModelRef, ...]
    routing: Routing | None = None


async def client_providers(
    connection: AsyncConnection, client_id: str, *, views: ClientViews, default_provider: str
) -> tuple[ClientProviders, str]:
    """What a client asked for and what comes of it, with its tag. Raises `Problem`."""
    client = await ClientRepository(connection, client_id).get()
    view = await views.preview(connection, client_id, {})
    plan = PlanProviders.of(client.features)
    wanted = wanted_chain(plan, client.settings, default_provider=default_provider)
    own = own_routing(client.settings)
    simple = wanted_routing(plan, client.settings).simple
    state = ClientProviders(
        chain=[str(ref) for ref in own_chain(client.settings)],
        source=wanted.source,
        routing=RoutingState(**own.stored()) if own else None,
        plan=_plan_state(client.plan, plan),
        answering=[_answering(chosen) for chosen in view.providers],
        answering_simple=[_answering(chosen) for chosen in view.simple],
        threshold=view.threshold,
        left_out=[
            *_left_out(wanted.chain, plan, view.providers, client),
            *_left_out(simple, plan, view.simple, client),
        ],
    )
    return state, tag_of(_chosen(client.settings))


def chosen_before(client: ClientRow) -> ProviderChange:
    """What the client itself asks for now, as a change that would leave it so."""
    plan = PlanProviders.of(client.features)
    chain = tuple(
        ModelRef(ref.provider, ref.model or own_model(plan, client.settings, ref.provider))
        for ref in own_chain(client.settings)
    )
    return ProviderChange(chain if plan.may_choose else (), own_routing(client.settings))


async def choose_providers(
    transaction: AsyncConnection,
    client_id: str,
    change: ProviderChange,
    *,
    tags: Collection[str] | None = None,
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> None:
    """Say what answers a client from its next turn on. Raises `Problem`, and 412 for a tag that is over."""
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    client = await repository.get()
    before = _chosen(client.settings)
    check_tag(before, tags)
    plan = PlanProviders.of(client.features)
    if change.chain:
        if not plan.may_choose:
            raise plan_chooses(client.plan)
        check_chain(change.chain, registry)
        check_allowed(plan, change.chain, plan_name=client.plan)
    if change.routing is not None:
        if not plan.may_choose:
            raise plan_chooses(client.plan)
        check_chain(change.routing.simple, registry)
        check_allowed(plan, change.routing.simple, plan_name=client.plan)
    settings = {name: value for name, value in client.settings.items() if name not in CHOSEN}
    if change.chain:
        settings["chain"] = [str(ref) for ref in change.chain]
    if change.routing is not None:
        settings["routing"] = change.routing.stored()
    after = _chosen(settings)
    if after == before:
        return
    await repository.update_settings(settings)
    await record(
        transaction,
        actor,
        "client.providers_set",
        object=f"client:{client_id}",
        client_id=client_id,
        before=before,
        after=after,
        at=clock.now(),
    )


async def plan_providers(connection: AsyncConnection, plan: str) -> tuple[PlanProvidersState, str]:
    """What a plan says of providers, with its tag. Raises `Problem`."""
    found = PlanProviders.of(await PlanFeatures(connection, plan).get())
    return _plan_state(plan, found), tag_of(found.stored())


async def set_plan_providers(
    transaction: AsyncConnection,
    plan: str,
    changed: PlanProviders,
    *,
    tags: Collection[str] | None = None,
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> None:
    """Change what a plan says of providers, for all of its clients. Raises `Problem`."""
    repository = PlanFeatures(transaction, plan)
    features = await repository.get(is_locking=True)
    before = PlanProviders.of(features)
    check_tag(before.stored(), tags)
    check_chain(changed.chain, registry)
    _check_patterns(changed.models or ())
    check_chain(changed.routing.simple, registry)
    check_allowed(changed, (*changed.chain, *changed.routing.simple), plan_name=plan)
    if changed == before:
        return
    await repository.put({**features, "providers": changed.stored()})
    await record(
        transaction,
        actor,
        "plan.providers_set",
        object=f"plan:{plan}",
        before=before.stored(),
        after=changed.stored(),
        at=clock.now(),
    )


def check_chain(chain: Sequence[ModelRef], registry: PluginRegistry) -> None:
    """Raises `Problem` for a chain that cannot be."""
    if len(chain) > MAX_CHAIN:
        raise Problem(422, "chain_too_long", f"A chain has at most {MAX_CHAIN} models.")
    for ref in chain:
        if ref.provider not in registry.providers:
            there = ", ".join(sorted(registry.providers)) or "none"
            raise Problem(
                422, "provider_unknown", f"There is no provider '{ref.provider[:64]}'. Installed: {there}."
            )
        if len(ref.model) > MAX_MODEL_CHARS or not is_clean(ref.model) or not ref.model.isprintable():
            raise Problem(
                422, "model_invalid", f"A model's name has at most {MAX_MODEL_CHARS} characters on one line."
            )


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in CHOSEN if settings.get(name)}


def _plan_state(name: str, plan: PlanProviders) -> PlanProvidersState:
    return PlanProvidersState(
        name=name,
        chain=[str(ref) for ref in plan.chain],
        models=None if plan.models is None else list(plan.models),
        may_choose=plan.may_choose,
        **plan.routing.stored(),
    )


def _answering(chosen: ChosenProvider) -> AnsweringModel:
    return AnsweringModel(
        provider=chosen.provider.id,
        model=chosen.model,
        uses_own_account=circuit_of(chosen).client_id is not None,
    )


def _left_out(
    wanted: Sequence[ModelRef], plan: PlanProviders, chain: Sequence[ChosenProvider], client: ClientRow
) -> Iterable[LeftOut]:
    """What is asked for and does not answer, each with its reason."""
    answering = {(chosen.provider.id, chosen.model) for chosen in chain}
    usable = {chosen.provider.id for chosen in chain}
    for ref in wanted:
        if (ref.provider, ref.model) in answering or (not ref.model and ref.provider in usable):
            continue
        if ref.model and not plan.allows(ref.provider, ref.model):
            yield LeftOut(model=str(ref), reason=f"The plan {client.plan} does not allow it.")
        else:
            yield LeftOut(
                model=str(ref),
                reason=f"The provider {ref.provider} is off, has no key, or the plan allows none of what it "
                "would be asked for: see csai client plugin.",
            )


def _check_patterns(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if len(pattern) > MAX_MODEL_CHARS or "/" not in pattern.strip("/") or not pattern.isprintable():
            raise Problem(
                422,
                "pattern_invalid",
                "Name a model as provider/model, or the beginning of one and a *: openai/gpt-5*, claude/*.",
            )
    if len(patterns) > MAX_PATTERNS:
        raise Problem(422, "pattern_invalid", f"A plan names at most {MAX_PATTERNS} models.")
