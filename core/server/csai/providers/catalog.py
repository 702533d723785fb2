"""The models that could be chosen, with what they can do and cost."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from csai_sdk import Clock, ModelTraits, Provider
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.plugins.registry import PluginRegistry
from csai.providers.choice import ModelRef
from csai.providers.repository import PriceRepository
from csai.providers.schemas import CatalogModel, Price, PriceChange, PriceState, ScheduledPrice
from csai.usage.price_list import PROBE, OwnPrice, PriceList, rates_of
from csai.usage.prices import Overrides, context_window, published_models
from csai.usage.rates import MAX_USD, Rates

log = structlog.get_logger(__name__)

MAX_MODEL_CHARS = 200
SKEW = timedelta(minutes=5)
"""How far a moment may lie back and still be taken for now: two machines' clocks differ."""


async def list_models(
    connection: AsyncConnection,
    *,
    registry: PluginRegistry,
    defaults: Overrides,
    provider: str = "",
    search: str = "",
    is_unpriced: bool = False,
    at: datetime,
) -> list[CatalogModel]:
    """The models of each provider: published ones, those with a price of their own, those chosen anywhere."""
    repository = PriceRepository(connection)
    prices = await repository.price_list(defaults)
    chosen = await repository.models_chosen()
    found = []
    for provider_id, (_plugin, each) in sorted(registry.providers.items()):
        if provider and provider_id != provider:
            continue
        names = _names(each, prices, {ref.model for ref in chosen if ref.provider == provider_id}, at)
        found += [catalog_model(each, name, prices, at) for name in names if search.lower() in name.lower()]
    return [model for model in found if model.price is None] if is_unpriced else found


def catalog_model(provider: Provider, model: str, prices: PriceList, at: datetime) -> CatalogModel:
    traits = _traits(provider, model)
    is_embedding = _makes_vectors(provider, model)
    return CatalogModel(
        provider=provider.id,
        model=model,
        is_default=model == provider.default_model,
        is_embedding=is_embedding,
        context_window=context_window(traits.price_provider, model),
        has_tools=traits.has_native_tools,
        can_write=traits.can_write and not is_embedding,
        takes_temperature=traits.takes_temperature,
        price=_price(provider, model, prices, at),
        coming=[_scheduled(each) for each in prices.schedule(provider.id, model) if each.effective_from > at],
    )


async def price_state(
    connection: AsyncConnection, ref: ModelRef, *, registry: PluginRegistry, defaults: Overrides, at: datetime
) -> tuple[PriceState, str]:
    """What a model costs and what an admin set for it, with its tag. Raises `Problem`."""
    provider = _provider(registry, ref)
    prices = await PriceRepository(connection).price_list(defaults)
    schedule = [_scheduled(each) for each in prices.schedule(provider.id, ref.model)]
    state = PriceState(
        provider=provider.id,
        model=ref.model,
        price=_price(provider, ref.model, prices, at),
        schedule=schedule,
    )
    return state, _tag(schedule)


async def set_price(
    transaction: AsyncConnection,
    ref: ModelRef,
    change: PriceChange,
    *,
    tags: Collection[str] | None = None,
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> None:
    """Set a model's price from a moment on, for all clients; what is booked already keeps its own.

    Raises `Problem`, and 412 for a tag that is over.
    """
    provider = _provider(registry, ref)
    now = clock.now()
    start = change.effective_from or now
    if start.tzinfo is None:
        raise Problem(422, "moment_invalid", "Write the moment with its zone: 2027-01-01T00:00:00Z.")
    if start < now - SKEW:
        raise Problem(
            422,
            "moment_past",
            "What was booked keeps its price: give a moment that is still to come, or none.",
        )
    rates = _rates(change)
    repository = PriceRepository(transaction)
    await repository.lock()
    before = (await repository.price_list()).schedule(provider.id, ref.model)
    check_tag({"schedule": _dumped(map(_scheduled, before))}, tags)
    await repository.put(OwnPrice(provider.id, ref.model, start, rates))
    after = (await repository.price_list()).schedule(provider.id, ref.model)
    await record(
        transaction,
        actor,
        "model.price_set",
        object=f"model:{ref}",
        before={"schedule": _dumped(map(_scheduled, before))},
        after={"schedule": _dumped(map(_scheduled, after))},
        at=now,
    )


def _names(provider: Provider, prices: PriceList, chosen: Collection[str], at: datetime) -> list[str]:
    price_provider = _traits(provider, provider.default_model).price_provider
    published = [model.id for model in published_models(price_provider, at)] if price_provider else []
    own = provider.default_model, provider.default_embedding_model
    named = [name for name in (*own, *prices.own_names(provider.id), *chosen) if name]
    return sorted({*published, *named})


def _makes_vectors(provider: Provider, model: str) -> bool:
    """By its name, which vendors give so; others that an admin names have to be told apart by their price."""
    return bool(provider.default_embedding_model) and (
        model == provider.default_embedding_model or "embed" in model.lower()
    )


def _traits(provider: Provider, model: str) -> ModelTraits:
    try:
        return provider.traits(model)
    except Exception:
        log.exception("provider cannot tell what a model can do", provider=provider.id)
        return ModelTraits()


def _price(provider: Provider, model: str, prices: PriceList, at: datetime) -> Price | None:
    """The price of a short call; None where nobody knows it."""
    cost = prices.cost(PROBE, provider=provider, model=model, at=at)
    if not cost.is_known:
        return None
    rates = rates_of(cost.snapshot) or Rates(Decimal(0), Decimal(0))
    return Price(
        input=rates.input,
        output=rates.output,
        cache_read=rates.cache_read,
        cache_write=rates.cache_write,
        source=str(cost.snapshot["source"]) if cost.snapshot else "free",
    )


def _scheduled(own: OwnPrice) -> ScheduledPrice:
    rates = own.rates
    return ScheduledPrice(
        effective_from=own.effective_from,
        input=rates.input if rates else None,
        output=rates.output if rates else None,
        cache_read=rates.cache_read if rates else None,
        cache_write=rates.cache_write if rates else None,
    )


def _dumped(schedule: Iterable[ScheduledPrice]) -> list[dict[str, object]]:
    return [each.model_dump(mode="json") for each in schedule]


def _tag(schedule: list[ScheduledPrice]) -> str:
    return tag_of({"schedule": _dumped(schedule)})


def _provider(registry: PluginRegistry, ref: ModelRef) -> Provider:
    if ref.provider not in registry.providers:
        there = ", ".join(sorted(registry.providers)) or "none"
        raise Problem(
            404, "provider_unknown", f"There is no provider '{ref.provider[:64]}'. Installed: {there}."
        )
    if not ref.model or len(ref.model) > MAX_MODEL_CHARS or not is_clean(ref.model):
        raise Problem(422, "model_invalid", f"A model's name has 1 to {MAX_MODEL_CHARS} characters.")
    return registry.providers[ref.provider][1]


def _rates(change: PriceChange) -> Rates | None:
    """None where the published price is to hold again."""
    given = {name: getattr(change, name) for name in ("input", "output", "cache_read", "cache_write")}
    if (given["input"] is None) != (given["output"] is None):
        raise Problem(422, "price_invalid", "Give a rate for input and one for output, or neither of them.")
    if given["input"] is None:
        if any(rate is not None for rate in given.values()):
            raise Problem(422, "price_invalid", "Cached tokens have a rate only beside those of all others.")
        return None
    for name, rate in given.items():
        if rate is not None and not _is_rate(rate):
            raise Problem(
                422,
                "price_invalid",
                f"{name} is US dollars for a million tokens, from 0 to {MAX_USD}, with six places.",
            )
    return Rates(**given)


def _is_rate(rate: Decimal) -> bool:
    return (
        rate.is_finite()
        and 0 <= rate <= MAX_USD
        and re.fullmatch(r"\d+(\.\d{1,6}0*)?", f"{rate:f}") is not None
    )
