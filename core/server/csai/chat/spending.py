"""What a turn's calls of models have used, as its row keeps it for whoever finds the turn abandoned.

The ledger is written when a turn ends. Until then a turn notes in its own row, with writes that it makes
anyway, which calls are done and which is under way: so that what a dead process spent can be booked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from csai_sdk import Provider, Usage

from csai.chat.prompt import BASE, CHARS_PER_TOKEN
from csai.chat.repository import TurnRepository
from csai.kit.identifier import new_id
from csai.plugins.answering import ChosenProvider
from csai.plugins.view import ClientView
from csai.providers.routing import difficulty, features
from csai.statement import Step
from csai.usage.price_list import PriceList


@dataclass(slots=True)
class ModelCall:
    """One attempt at a model, as the ledger will book it."""

    provider: str
    model: str
    usage: Usage
    cost_micros: int
    saved_micros: int
    price: dict[str, Any] | None
    is_estimated: bool
    at: datetime
    is_embedding: bool = False
    """Whether it made vectors and said nothing."""
    duration_ms: int | None = None
    """Until `at`."""
    first_text_ms: int | None = None

    @property
    def cost_usd(self) -> Decimal:
        return Decimal(self.cost_micros) / 1_000_000


@dataclass(frozen=True, slots=True)
class BookedRow:
    """A row of the ledger."""

    provider: str
    model: str
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    tokens_cache_write: int
    cost_micros: int
    saved_micros: int
    price: dict[str, Any] | None
    is_estimated: bool
    is_embedding: bool
    created_at: datetime

    def is_of(self, call: ModelCall) -> bool:
        return (self.provider, self.model, self.is_estimated, self.created_at) == (
            *(call.provider, call.model[:200], call.is_estimated, call.at),
        )

    def taken_back(self) -> ModelCall:
        usage = Usage(
            -self.tokens_input, -self.tokens_output, -self.tokens_cache_read, -self.tokens_cache_write
        )
        return ModelCall(
            self.provider,
            self.model,
            usage,
            cost_micros=-self.cost_micros,
            saved_micros=-self.saved_micros,
            price=self.price,
            is_estimated=self.is_estimated,
            is_embedding=self.is_embedding,
            at=self.created_at,
        )


@dataclass(slots=True)
class UnderWay:
    """A call that a vendor may be working at.

    `bytes_input` bounds its input, `tokens_output` is what was said so far, as well as one can tell.
    """

    provider: str
    model: str
    bytes_input: int
    most_output: int
    """Tokens."""
    tokens_output: int = 1
    is_embedding: bool = False


def expected(
    view: ClientView,
    chain: Sequence[ChosenProvider],
    question: str,
    *,
    is_decision: bool = False,
    most_output: int,
) -> dict[str, Any]:
    """The note of a turn that is accepted: its first call may be under way before it writes anything else.

    Where the plan limits what models use, the first call is preceded by a reservation, which notes it. Which
    model it will be is judged by the question alone, before the passages and what was said before are read.
    """
    if not chain or "tokens" in view.limits or "cost" in view.limits:
        return {}
    first = chain[0]
    if view.simple and chain is view.providers:
        of = features(question, tools=len(view.tools), is_decision=is_decision)
        first = view.simple[0] if difficulty(of) < view.threshold else first
    size = len(BASE) + len(question.encode())
    return {"under_way": asdict(UnderWay(first.provider.id, first.model, size, most_output))}


def noted(done: Sequence[ModelCall], under_way: UnderWay | None) -> dict[str, Any]:
    """As the turn's row keeps it."""
    note: dict[str, Any] = {}
    if done:
        note["done"] = [{**asdict(call), "at": call.at.isoformat()} for call in done]
    if under_way is not None:
        note["under_way"] = asdict(under_way)
    return note


def recovered(
    note: Mapping[str, Any],
    *,
    providers: Mapping[str, tuple[str, Provider]],
    prices: PriceList,
    now: datetime,
) -> list[ModelCall]:
    """What a dead process' turn is to be booked with: its reports, and an estimate for what was under way."""
    calls = [_model_call(item) for item in note.get("done", ())]
    if "under_way" in note:
        calls.append(_estimate(UnderWay(**note["under_way"]), providers, prices, now))
    return calls


def booking(
    turns: TurnRepository, turn_id: str, period: str, calls: Sequence[ModelCall], *, first: int = 1
) -> list[Step]:
    """The ledger's rows for a turn's calls."""
    return [
        turns.book(
            id=new_id(),
            turn_id=turn_id,
            attempt=number,
            provider=call.provider,
            model=call.model[:200],
            tokens_input=call.usage.tokens_input,
            tokens_output=call.usage.tokens_output,
            tokens_cache_read=call.usage.tokens_cache_read,
            tokens_cache_write=call.usage.tokens_cache_write,
            cost_micros=call.cost_micros,
            saved_micros=call.saved_micros,
            price=call.price,
            is_estimated=call.is_estimated,
            is_embedding=call.is_embedding,
            duration_ms=call.duration_ms,
            first_text_ms=call.first_text_ms,
            period=period,
            day=call.at.date(),
            created_at=call.at,
        )
        for number, call in enumerate(calls, first)
    ]


def beyond(calls: Sequence[ModelCall], booked: Sequence[BookedRow]) -> tuple[list[ModelCall], dict[str, int]]:
    """The ledger rows that make what is booked equal to `calls`, and what they add to the counters.

    The ledger is only added to: a row that turned out wrong is taken back by one of the same, negative.
    """
    right = 0
    while right < min(len(calls), len(booked)) and booked[right].is_of(calls[right]):
        right += 1
    missing = [row.taken_back() for row in booked[right:]] + list(calls[right:])
    return missing, spent(missing)


def spent(calls: Sequence[ModelCall]) -> dict[str, int]:
    """By metric."""
    return {
        "tokens": sum(call.usage.tokens_input + call.usage.tokens_output for call in calls),
        "cost": sum(call.cost_micros for call in calls),
    }


def _model_call(item: Mapping[str, Any]) -> ModelCall:
    return ModelCall(**{**item, "usage": Usage(**item["usage"]), "at": datetime.fromisoformat(item["at"])})


def _estimate(
    call: UnderWay, providers: Mapping[str, tuple[str, Provider]], prices: PriceList, now: datetime
) -> ModelCall:
    usage = Usage(call.bytes_input // CHARS_PER_TOKEN + 1, call.tokens_output)
    _plugin, provider = providers.get(call.provider, (None, None))
    # A provider that has been uninstalled meanwhile cannot say whose prices its model has.
    price_provider = provider.traits(call.model).price_provider if provider else call.provider
    cost = prices.cost_by_name(
        usage, provider=call.provider, price_provider=price_provider, model=call.model, at=now
    )
    return ModelCall(
        call.provider,
        call.model,
        usage,
        cost_micros=cost.micros,
        saved_micros=cost.saved_micros,
        price=cost.snapshot,
        is_estimated=True,
        is_embedding=call.is_embedding,
        at=now,
    )
