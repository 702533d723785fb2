"""Who is asked first: the client's models for simple questions, or its chain; when one gives way.

A question is simple where its difficulty is below the client's threshold: then the models for simple
questions come before the chain. The chain takes over, for the rest of the turn, where

- they fail, or may not be asked (`failed`): what the next of a chain is for;
- they give no answer, or refuse (`no_answer`): what they said is withdrawn, the chain is asked the same;
- they call a tool that changes something, needs the visitor's word, or cannot be called so (`action`): the
  call is not run, and the chain is asked the same;
- they look something up (`look_up`): that is run, and the chain reads what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from csai_sdk import ModelReply, ToolCall

from csai.chat.running import RunningTurn
from csai.plugins.answering import ChosenProvider
from csai.providers.routing import RULES, Features, difficulty, features

Escalation = Literal["failed", "no_answer", "action", "look_up"]


@dataclass(slots=True)
class Route:
    """A decision, and what became of it."""

    features: Features
    difficulty: int
    threshold: int
    simple: Sequence[ChosenProvider]
    """The client's models for simple questions."""
    chain: Sequence[ChosenProvider]
    escalation: Escalation | None = None
    simple_calls: int = 0
    """How many calls of models that answer were made before the chain took over."""

    @property
    def is_simple(self) -> bool:
        return self.difficulty < self.threshold


def decide(turn: RunningTurn) -> None:
    """Put the models for simple questions before the turn's chain, where there are some and it is simple.

    An arm of an experiment with a chain of its own is answered by that alone, as is who tests one model.
    """
    view = turn.view
    if not view.simple or turn.is_model_given or (turn.arm is not None and turn.arm.chain):
        return
    found = features(
        turn.question,
        turns_before=turn.seq // 2,
        has_tool_history=any(row.parts for row in turn.history or ()),
        tools=len(view.tools),
        best_passage=turn.best_passage if view.has_knowledge else None,
        is_decision=turn.decided is not None,
    )
    turn.route = Route(found, difficulty(found), view.threshold, view.simple, turn.chain)
    if turn.route.is_simple:
        turn.chain = (*view.simple, *turn.chain)


def is_to_be_asked_again(turn: RunningTurn, reply: ModelReply, *, is_closing: bool) -> bool:
    """Whether the reply of a model for simple questions does not do: the chain has taken over by then."""
    if not _is_with_simple(turn):
        return False
    is_answer = reply.text.strip() and reply.stop_reason != "refusal"
    if reply.tool_calls and not is_closing:
        if all(_looks_up(turn, call) for call in reply.tool_calls):
            return False
        _escalate(turn, "action")
    elif not is_answer:
        _escalate(turn, "no_answer")
    return not _is_with_simple(turn)


def go_on_with_chain(turn: RunningTurn) -> None:
    """Something is looked up: what comes of it is read by the chain."""
    if _is_with_simple(turn):
        _escalate(turn, "look_up")


def stored(turn: RunningTurn) -> dict[str, Any] | None:
    """The decision as the turn keeps it.

    Its first `simple_calls` in the ledger, not counting embeddings, are of simple models.
    """
    route = turn.route
    if route is None:
        return None
    if route.is_simple and route.escalation is None:
        route.simple_calls = _calls_of(turn, route.simple)
        if turn.provider_index >= len(route.simple):
            route.escalation = "failed"
    return {
        "rules": RULES,
        "features": route.features.stored(),
        "difficulty": route.difficulty,
        "threshold": route.threshold,
        "chosen": "simple" if route.is_simple else "chain",
        "simple": _name(route.simple[0]),
        "chain": _name(route.chain[0]) if route.chain else "",
        "escalation": route.escalation,
        "simple_calls": route.simple_calls,
        "saved_micros": _saved_micros(turn, route) if route.is_simple else None,
    }


def _saved_micros(turn: RunningTurn, route: Route) -> int | None:
    """What the chain's first model would have cost beyond what the models for simple questions did.

    Less than nothing where those were asked in vain; None where nobody knows a price.
    """
    calls = turn.answering()[: route.simple_calls]
    needed = calls if route.escalation in {None, "look_up"} else []
    view, chain = turn.view, route.chain[:1]
    is_known = all(
        view.prices.knows(chosen.provider, chosen.model, turn.accepted_at)
        for chosen in (*route.simple, *chain)
    )
    if not chain or not is_known:
        return None
    instead = sum(view.cost(chain[0], call.usage, at=call.at).micros for call in needed)
    return instead - sum(call.cost_micros for call in calls)


def _is_with_simple(turn: RunningTurn) -> bool:
    route = turn.route
    return route is not None and route.is_simple and turn.provider_index < len(route.simple)


def _looks_up(turn: RunningTurn, call: ToolCall) -> bool:
    tool = turn.view.tools.get(call.name)
    if tool is None or call.arguments is None or tool.needs_confirmation:
        return False
    return tool.spec.is_read_only and not tool.validator.errors(call.arguments)


def _escalate(turn: RunningTurn, escalation: Escalation) -> None:
    route = turn.route
    if route is None or not route.chain:
        return
    route.escalation, route.simple_calls = escalation, len(turn.answering())
    turn.provider_index = turn.first_index = len(route.simple)


def _calls_of(turn: RunningTurn, chosen: Sequence[ChosenProvider]) -> int:
    """How many calls came before the chain's first; those that failed bear the name that was asked for."""
    if turn.provider_index < len(chosen):
        return len(turn.answering())
    asked = {(each.provider.id, each.model) for each in chosen}
    calls = [(call.provider, call.model) in asked for call in turn.answering()]
    return calls.index(False) if False in calls else len(calls)


def _name(chosen: ChosenProvider) -> str:
    return f"{chosen.provider.id}/{chosen.model}"
