"""What a call for vectors may take and did take, in the terms of the ledger and of a plan's limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from csai_sdk import Embeddings, ProviderError, Usage

from csai.chat.attempt import believable, may_be_billed
from csai.chat.spending import ModelCall
from csai.kit.text import clean
from csai.knowledge.embedder import CHARS_PER_TOKEN, Embedder
from csai.plugins.view import ClientView

FRAMING_BYTES = 16
"""For what a model puts around each text."""


def bound_of(texts: Sequence[str]) -> Usage:
    """The most that embedding the texts can take: a token is at least a byte."""
    return Usage(sum(len(text.encode("utf-8", "replace")) + FRAMING_BYTES for text in texts))


def amounts(view: ClientView, embedder: Embedder, bound: Usage, *, at: datetime) -> dict[str, int]:
    """What to set aside before the call, by metric; only of what the plan limits."""
    cost = view.prices.most(bound, provider=embedder.provider, model=embedder.model, at=at)
    most = {"tokens": bound.tokens_input, "cost": cost}
    return {metric: amount for metric, amount in most.items() if metric in view.limits and amount}


def may_pay(view: ClientView, embedder: Embedder, *, at: datetime) -> bool:
    """A limit of cost cannot be kept with a model whose price nobody knows."""
    return (
        not embedder.traits.is_metered
        or "cost" not in view.limits
        or view.prices.knows(embedder.provider, embedder.model, at)
    )


def model_call(
    view: ClientView,
    embedder: Embedder,
    bound: Usage,
    *,
    found: Embeddings | None,
    failure: ProviderError | None,
    at: datetime,
) -> ModelCall | None:
    """What the ledger books of a call, as reported or else estimated; None where nothing is billed."""
    if not embedder.traits.is_metered:
        return None
    usage = believable(found.usage) if found else None
    is_estimated = usage is None
    if usage is None:
        # Without either, the call was given up half-way, and the vendor may have worked.
        if failure is not None and not may_be_billed(failure):
            return None
        usage = Usage(bound.tokens_input // CHARS_PER_TOKEN + 1)
    model = clean(found.model if found else "") or embedder.model
    cost = view.prices.cost(usage, provider=embedder.provider, model=model, asked=embedder.model, at=at)
    return ModelCall(
        provider=embedder.provider.id,
        model=model,
        usage=usage,
        cost_micros=cost.micros,
        saved_micros=cost.saved_micros,
        price=cost.snapshot,
        is_estimated=is_estimated,
        at=at,
        is_embedding=True,
    )
