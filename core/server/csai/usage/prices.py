"""What a model call costs, from the price data that comes with genai-prices.

The data is read in process and never fetched. The library's own calculation takes a tenth of a millisecond,
so only the finding of a model is left to it; the four rates of a text call are applied here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import structlog
from csai_sdk import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from csai.usage.rates import Rates

log = structlog.get_logger(__name__)

MICROS_PER_USD = 1_000_000
MODELS_KEPT = 1_024
NOTHING = Decimal(0)


Overrides = Mapping[str, Rates]
"""The operator's own rates by `provider:model`, for models unknown to the data or bought at other rates."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one model call in millionths of a dollar, and the rates it was made from.

    `is_known` is False where nobody knows the model's price; it is then booked as nothing. `saved_micros` is
    what the vendor's prompt cache took off the price; less than nothing where writing to it added more.
    """

    micros: int
    snapshot: dict[str, Any] | None
    is_known: bool
    saved_micros: int = 0


FREE = Cost(0, None, True)
UNKNOWN = Cost(0, None, False)


def price(
    usage: Usage,
    *,
    model: str,
    price_provider: str | None,
    overrides: Overrides | None = None,
    at: datetime | None = None,
) -> Cost:
    """The cost of `usage`: by the operator's own rates, else the published ones; free without a provider."""
    if price_provider is None:
        return FREE
    own = overrides.get(f"{price_provider}:{model}") if overrides else None
    if own is not None:
        return cost_at(usage, own, NOTHING, source="override", provider=price_provider, model=model)
    found = _find(price_provider, model)
    if found is None:
        return UNKNOWN
    # Some vendors charge by the hour of the day: the price is looked at anew, its model is not.
    published = found.get_prices(at or datetime.now(UTC))
    rates = _rates(published, usage.tokens_input)
    per_request = (_rate(published.requests_kcount, 0) or NOTHING) / 1_000
    return cost_at(usage, rates, per_request, source=_source(), provider=price_provider, model=found.id)


def is_priced(model: str, *, price_provider: str | None, overrides: Overrides) -> bool:
    """Whether `price` knows what a call of the model costs."""
    if price_provider is None or f"{price_provider}:{model}" in overrides:
        return True
    return _find(price_provider, model) is not None


def load() -> None:
    """Read the price data, which takes half a second: once at the start, not in the first turn."""
    get_snapshot()


def published_models(provider: str, at: datetime) -> list[ModelInfo]:
    """The provider's models that write text for a price, as the data has them."""
    of = [each for each in get_snapshot().providers if each.id == provider]
    models = [model for each in of for model in each.models if _writes_text(model.get_prices(at))]
    # The data also has stems of names, under which no model is found.
    return [model for model in models if _look_up(provider, model.id) is not None]


def context_window(provider: str | None, model: str) -> int | None:
    """Tokens that the model takes; None where the data does not tell."""
    found = _look_up(provider, model) if provider else None
    return found.context_window if found else None


def _writes_text(published: ModelPrice) -> bool:
    return published.input_mtok is not None and published.output_mtok is not None


@lru_cache(MODELS_KEPT)
def _find(provider: str, model: str) -> ModelInfo | None:
    """The model's prices; None, and a warning the first time, where it has none for text."""
    found = _look_up(provider, model)
    if found is None or not _charges_for_text(found):
        log.warning("model price unknown", provider=provider, model=model)
        return None
    return found


def _look_up(provider: str, model: str) -> ModelInfo | None:
    try:
        _, found = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    return found


def _charges_for_text(model: ModelInfo) -> bool:
    published = model.get_prices(datetime.now(UTC))
    rates = (published.input_mtok, published.output_mtok, published.requests_kcount)
    return any(rate is not None for rate in rates)


def _rates(published: ModelPrice, tokens_input: int) -> Rates:
    return Rates(
        input=_rate(published.input_mtok, tokens_input) or NOTHING,
        output=_rate(published.output_mtok, tokens_input) or NOTHING,
        cache_read=_rate(published.cache_read_mtok, tokens_input),
        cache_write=_rate(published.cache_write_mtok, tokens_input),
    )


def _rate(published: Decimal | TieredPrices | None, tokens_input: int) -> Decimal | None:
    """A long prompt moves all of its tokens into a dearer tier."""
    if not isinstance(published, TieredPrices):
        return published
    passed = [tier.price for tier in published.tiers if tokens_input > tier.start]
    return passed[-1] if passed else published.base


def cost_at(usage: Usage, rates: Rates, per_request: Decimal, **origin: str) -> Cost:
    """The cost of one call at these rates; `origin` says in the snapshot where they come from."""
    exact = _token_micros(usage, rates) + per_request * MICROS_PER_USD
    snapshot: dict[str, Any] = {"input": str(rates.input), "output": str(rates.output), **origin}
    if rates.cache_read is not None:
        snapshot["cache_read"] = str(rates.cache_read)
    if rates.cache_write is not None:
        snapshot["cache_write"] = str(rates.cache_write)
    if per_request:
        snapshot["request"] = str(per_request)
    uncached = _token_micros(Usage(usage.tokens_input, usage.tokens_output), rates)
    saved = uncached - _token_micros(usage, rates)
    return Cost(_whole(exact), snapshot, True, _whole(saved))


def _whole(micros: Decimal) -> int:
    return int(micros.to_integral_value(ROUND_HALF_UP))


def _token_micros(usage: Usage, rates: Rates) -> Decimal:
    """Tokens times dollars per million tokens are millionths of a dollar: nothing to divide or round yet."""
    plain = max(usage.tokens_input, 0)
    total = max(usage.tokens_output, 0) * rates.output
    for rate, reported in (
        (rates.cache_read, usage.tokens_cache_read),
        (rates.cache_write, usage.tokens_cache_write),
    ):
        if rate is not None and reported > 0:
            # A vendor may report more cached tokens than input; nobody pays for what was not sent.
            cached = min(reported, plain)
            plain -= cached
            total += cached * rate
    return total + plain * rates.input


@lru_cache(1)
def _source() -> str:
    return f"genai-prices {version('genai-prices')}"
