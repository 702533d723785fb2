"""Deciding past turns again, from the features that were kept, under another threshold or another model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.clients.repository import ClientRepository
from csai.plugins.registry import PluginRegistry
from csai.providers.choice import ModelRef, PlanProviders, wanted_routing
from csai.providers.repository import BookedCall, DecidedTurn, DecisionRepository, PriceRepository
from csai.providers.routing import HARDEST, RULES, Features, difficulty
from csai.providers.routing_schemas import DifficultyBand, RoutingReplay, Share
from csai.usage.price_list import PriceList
from csai.usage.prices import MICROS_PER_USD, Overrides

MAX_TURNS = 20_000
BAND = 10


async def replay_routing(
    connection: AsyncConnection,
    client_id: str,
    *,
    threshold: int | None,
    simple_model: ModelRef | None = None,
    days: int,
    registry: PluginRegistry,
    defaults: Overrides,
    now: datetime,
) -> RoutingReplay:
    """What would have been other with this threshold, or with the client's as it is now. Raises `Problem`."""
    client = await ClientRepository(connection, client_id).get()
    tried = wanted_routing(PlanProviders.of(client.features), client.settings).threshold
    tried = tried if threshold is None else threshold
    turns = await DecisionRepository(connection, client_id).since(now - timedelta(days=days), most=MAX_TURNS)
    prices = await PriceRepository(connection).price_list(defaults)
    replay = _Replay(tried, simple_model, registry, prices)
    # Thousands of prices are a matter of computing: others are to be served meanwhile.
    await asyncio.to_thread(replay.run, turns)
    return replay.result(days, is_cut=len(turns) == MAX_TURNS)


@dataclass
class _Replay:
    threshold: int
    simple_model: ModelRef | None
    registry: PluginRegistry
    prices: PriceList
    turns: int = 0
    other_rules: int = 0
    simple_before: int = 0
    simple_after: int = 0
    to_simple: int = 0
    to_chain: int = 0
    escalated: int = 0
    unpriced: int = 0
    before_micros: int = 0
    after_micros: int = 0
    bands: dict[int, DifficultyBand] = field(default_factory=dict)

    def run(self, turns: Iterable[DecidedTurn]) -> None:
        for turn in turns:
            if turn.routing["rules"] == RULES:
                self._decide(turn)
            else:
                self.other_rules += 1

    def result(self, days: int, *, is_cut: bool) -> RoutingReplay:
        def share(count: int) -> Share:
            return Share(turns=count, share=round(count / self.turns, 4) if self.turns else 0.0)

        return RoutingReplay(
            days=days,
            threshold=self.threshold,
            simple_model=str(self.simple_model or ""),
            turns=self.turns,
            other_rules=self.other_rules,
            is_cut=is_cut,
            simple_before=share(self.simple_before),
            simple_after=share(self.simple_after),
            to_simple=share(self.to_simple),
            to_chain=share(self.to_chain),
            escalated=share(self.escalated),
            cost_before=Decimal(self.before_micros) / MICROS_PER_USD,
            cost_after=Decimal(self.after_micros) / MICROS_PER_USD,
            unpriced=self.unpriced,
            bands=[self.bands[least] for least in sorted(self.bands)],
        )

    def _decide(self, turn: DecidedTurn) -> None:
        hard = difficulty(Features.of(turn.routing["features"]))
        was, would = turn.routing["chosen"] == "simple", hard < self.threshold
        is_escalated = turn.routing["escalation"] is not None
        self.turns += 1
        self.simple_before += was
        self.simple_after += would
        self.escalated += is_escalated
        self.to_simple += would and not was
        self.to_chain += was and not would
        self._count(hard, was=was, is_escalated=is_escalated)
        cost = sum(call.cost_micros for call in turn.calls)
        after = self._cost(turn, was=was, would=would)
        self.unpriced += after is None
        self.before_micros += cost
        self.after_micros += cost if after is None else after

    def _count(self, hard: int, *, was: bool, is_escalated: bool) -> None:
        least = min(hard, HARDEST - 1) // BAND * BAND
        band = self.bands.setdefault(least, DifficultyBand(least=least, turns=0, was_simple=0, escalated=0))
        band.turns += 1
        band.was_simple += was
        band.escalated += is_escalated

    def _cost(self, turn: DecidedTurn, *, was: bool, would: bool) -> int | None:
        """What the turn would have cost; None where nobody can tell."""
        first, rest = turn.calls[: turn.routing["simple_calls"]], turn.calls[turn.routing["simple_calls"] :]
        if was and not would:
            # What was said in vain would not have been said.
            needed = first if turn.routing["escalation"] in {None, "look_up"} else []
            return _sum(self._priced(needed, ModelRef.parse(turn.routing["chain"])), rest)
        simple = self.simple_model or ModelRef.parse(turn.routing["simple"])
        if would and not was:
            # Where there were several calls, a tool was called or a model failed: the chain would go on.
            return _sum(self._priced(rest[:1], simple), rest[1:])
        if was and self.simple_model is not None:
            return _sum(self._priced(first, simple), rest)
        return _sum(0, turn.calls)

    def _priced(self, calls: Sequence[BookedCall], ref: ModelRef) -> int | None:
        """What the calls cost with the model, at the prices of their time."""
        _plugin, provider = self.registry.providers.get(ref.provider, ("", None))
        if provider is None:
            return None if calls else 0
        costs = [
            self.prices.cost(call.usage, provider=provider, model=ref.model, at=call.at) for call in calls
        ]
        if not all(cost.is_known for cost in costs):
            return None
        return sum(cost.micros for cost in costs)


def _sum(priced: int | None, others: Iterable[BookedCall]) -> int | None:
    return None if priced is None else priced + sum(call.cost_micros for call in others)
