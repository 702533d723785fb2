"""Which models would have answered a client's own traffic for less: its ledger at other prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from csai_sdk import Usage
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientView, ClientViews
from csai.providers.catalog import list_models
from csai.providers.choice import PlanProviders
from csai.providers.recommendation_schemas import CheaperModel, LeftOut, Recommendation
from csai.providers.repository import PriceRepository
from csai.providers.schemas import CatalogModel
from csai.usage.price_list import PriceList, rates_of
from csai.usage.prices import MICROS_PER_USD, Cost, Overrides
from csai.usage.repository import CallsOfSize, LedgerRepository, Span
from csai.usage.service import usd

MONTH_DAYS = 30
MOST = 10


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the client's models did, to be priced again."""

    sizes: Sequence[CallsOfSize]
    days: int
    needs_tools: bool

    def total(self, name: str) -> int:
        return sum(getattr(each, name) for each in self.sizes)

    @property
    def largest(self) -> int:
        return max((each.largest for each in self.sizes), default=0)


async def recommend(
    connection: AsyncConnection,
    client_id: str,
    span: Span,
    *,
    views: ClientViews,
    registry: PluginRegistry,
    defaults: Overrides,
    now: datetime,
    most: int = MOST,
) -> Recommendation:
    """Models that the client may use and that would have cost less. Raises `Problem`."""
    view = await views.preview(connection, client_id, {})
    sizes = await LedgerRepository(connection, client_id).by_size(span)
    first = min((each.first for each in sizes), default=span.first)
    traffic = Traffic(sizes, (span.last - first).days + 1, bool(view.tools))
    prices = await PriceRepository(connection).price_list(defaults)
    catalog = await list_models(connection, registry=registry, defaults=defaults, at=now)
    comparison = _Comparison(traffic, view, registry, prices, now)
    cheaper = comparison.cheaper(catalog)[:most]
    return Recommendation(
        client_id=client_id,
        first=span.first,
        last=span.last,
        days=traffic.days,
        calls=traffic.total("calls"),
        estimated_calls=traffic.total("estimated_calls"),
        unpriced_calls=traffic.total("unpriced_calls"),
        cost=usd(traffic.total("cost_micros")),
        largest_call=traffic.largest,
        needs_tools=traffic.needs_tools,
        cheaper=cheaper,
        left_out=LeftOut(**{name: comparison.left_out[name] for name in LeftOut.model_fields}),
        statement=_statement(traffic, cheaper),
    )


class _Comparison:
    def __init__(
        self, traffic: Traffic, view: ClientView, registry: PluginRegistry, prices: PriceList, now: datetime
    ) -> None:
        self._traffic = traffic
        self._view = view
        self._plan = PlanProviders.of(view.client.features)
        self._registry = registry
        self._prices = prices
        self._now = now
        self.left_out: Counter[str] = Counter()

    def cheaper(self, catalog: Sequence[CatalogModel]) -> list[CheaperModel]:
        found = []
        for model in catalog:
            if not model.can_write or not self._traffic.sizes:
                continue
            micros = self._micros(model)
            reason = self._reason(model, micros)
            if reason or micros is None:
                self.left_out[reason] += 1
            else:
                found.append(self._told(model, micros))
        return sorted(found, key=lambda each: (each.cost, each.provider, each.model))

    def _reason(self, model: CatalogModel, micros: int | None) -> str:
        """Why the model is not told of; empty where it is."""
        if not self._plan.allows(model.provider, model.model):
            return "not_allowed"
        if self._traffic.needs_tools and not model.has_tools:
            return "no_tools"
        if model.context_window is not None and model.context_window < self._traffic.largest:
            return "window_too_small"
        if micros is None:
            return "price_unknown"
        return "" if micros < self._traffic.total("cost_micros") else "not_cheaper"

    def _micros(self, model: CatalogModel) -> int | None:
        """What all calls would have cost; None where nobody knows the price."""
        total = Decimal(0)
        for size in self._traffic.sizes:
            if not size.calls:
                continue
            mean = Usage(size.tokens_input // size.calls, size.tokens_output // size.calls)
            cost = self._cost(model, mean)
            if not cost.is_known:
                return None
            total += _at(cost, size)
        return int(total)

    def _cost(self, model: CatalogModel, usage: Usage) -> Cost:
        _plugin, provider = self._registry.providers[model.provider]
        return self._prices.cost(usage, provider=provider, model=model.model, at=self._now)

    def _told(self, model: CatalogModel, micros: int) -> CheaperModel:
        spent = self._traffic.total("cost_micros")
        return CheaperModel(
            provider=model.provider,
            model=model.model,
            cost=usd(micros),
            saving_per_month=usd((spent - micros) * MONTH_DAYS // self._traffic.days),
            saving_share=round((spent - micros) / spent, 4),
            is_set_up=model.provider in self._view.usable,
            context_window=model.context_window,
            unknown=list(self._unknown(model)),
        )

    def _unknown(self, model: CatalogModel) -> Iterator[str]:
        yield "Whether its answers are as good."
        yield "How many tokens it would count: they are taken as the models counted them that answered."
        if model.context_window is None:
            yield f"Its context window: the client's longest call had {self._traffic.largest} tokens."
        if self._traffic.total("tokens_cache_read"):
            yield "How much its vendor would cache: as much is taken as was cached."
        if model.price is not None and not (model.price.input or model.price.output):
            yield "What the server costs that it runs on: calls of it are booked as nothing."


def _at(cost: Cost, size: CallsOfSize) -> Decimal:
    """Millionths of a dollar for these calls, at the rates that a call of their size has."""
    rates = rates_of(cost.snapshot)
    if rates is None or cost.snapshot is None:
        return Decimal(0)
    plain = size.tokens_input
    total = size.tokens_output * rates.output
    for rate, cached in (
        (rates.cache_read, size.tokens_cache_read),
        (rates.cache_write, size.tokens_cache_write),
    ):
        if rate is not None:
            plain -= cached
            total += cached * rate
    per_request = Decimal(cost.snapshot.get("request", 0)) * MICROS_PER_USD
    return total + max(plain, 0) * rates.input + size.calls * per_request


def _statement(traffic: Traffic, cheaper: Sequence[CheaperModel]) -> str:
    if not traffic.sizes:
        return "No model was called in these days, so nothing can be said."
    if not cheaper:
        return "No model that the client may use, fits its calls and has a known price would have cost less."
    best = cheaper[0]
    return (
        f"{best.provider}/{best.model} would have cost ${best.cost:f} instead of "
        f"${usd(traffic.total('cost_micros')):f} for the same tokens. Quality is not measured: try it on "
        "recorded conversations (csai eval run) or on a share of the visitors (csai experiments) first."
    )
