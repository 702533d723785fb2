"""Which price a model call has: the admin's own, the operator's default below it, or the published one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from csai_sdk import Provider, Usage

from csai.usage.prices import UNKNOWN, Cost, Overrides, cost_at, is_priced, price
from csai.usage.rates import Rates

PROBE = Usage(1_000, 1_000)


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """What an admin set for a model from a moment on; without rates it is the published price again."""

    provider: str
    model: str
    effective_from: datetime
    rates: Rates | None


class PriceList:
    """All prices as they stand. A price that was set for the model asked for also holds for the name that the
    vendor answers with, which often bears a date.
    """

    def __init__(self, *, defaults: Overrides | None = None, own: Iterable[OwnPrice] = ()) -> None:
        """`defaults` are those of `CSAI_PRICE_OVERRIDES`, below the admin's own."""
        self._defaults: Overrides = defaults or {}
        self._own: dict[tuple[str, str], list[OwnPrice]] = {}
        for each in sorted(own, key=lambda item: item.effective_from):
            self._own.setdefault((each.provider, each.model), []).append(each)

    def cost(self, usage: Usage, *, provider: Provider, model: str, asked: str = "", at: datetime) -> Cost:
        """What `usage` of the model costs at a moment, where `asked` was asked for."""
        return self.cost_by_name(
            usage,
            provider=provider.id,
            price_provider=provider.traits(asked or model).price_provider,
            model=model,
            asked=asked,
            at=at,
        )

    def cost_by_name(
        self,
        usage: Usage,
        *,
        provider: str,
        price_provider: str | None,
        model: str,
        asked: str = "",
        at: datetime,
    ) -> Cost:
        names = list(dict.fromkeys(name for name in (model, asked) if name))
        for name in names:
            own = self.own_at(provider, name, at)
            if own is not None and own.rates is not None:
                return cost_at(usage, own.rates, Decimal(0), source="own", provider=provider, model=name)
        named = [name for name in names if f"{price_provider}:{name}" in self._defaults]
        for name in named or names:
            cost = price(usage, model=name, price_provider=price_provider, overrides=self._defaults, at=at)
            if cost.is_known:
                return cost
        return UNKNOWN

    def most(self, bound: Usage, *, provider: Provider, model: str, at: datetime) -> int:
        """Millionths of a dollar that a call of at most `bound` can cost, whatever is cached of it."""
        given, received = bound.tokens_input, bound.tokens_output
        ways = bound, Usage(given, received, given, 0), Usage(given, received, 0, given)
        return max(self.cost(way, provider=provider, model=model, at=at).micros for way in ways)

    def knows(self, provider: Provider, model: str, at: datetime) -> bool:
        """Whether a call would have a price, for less than it takes to reckon one: every turn asks."""
        own = self.own_at(provider.id, model, at)
        if own is not None and own.rates is not None:
            return True
        price_provider = provider.traits(model).price_provider
        return is_priced(model, price_provider=price_provider, overrides=self._defaults)

    def own_at(self, provider: str, model: str, at: datetime) -> OwnPrice | None:
        """What the admin set, as far as it is in effect."""
        begun = [each for each in self._own.get((provider, model), ()) if each.effective_from <= at]
        return begun[-1] if begun else None

    def schedule(self, provider: str, model: str) -> Sequence[OwnPrice]:
        """All that the admin ever set for the model, oldest first."""
        return tuple(self._own.get((provider, model), ()))

    def own_names(self, provider: str) -> list[str]:
        return [model for owner, model in self._own if owner == provider]


def rates_of(snapshot: Mapping[str, str] | None) -> Rates | None:
    """The rates that a price snapshot of the ledger was made from."""
    if snapshot is None:
        return None
    read, write = snapshot.get("cache_read"), snapshot.get("cache_write")
    return Rates(
        input=Decimal(snapshot["input"]),
        output=Decimal(snapshot["output"]),
        cache_read=Decimal(read) if read is not None else None,
        cache_write=Decimal(write) if write is not None else None,
    )
