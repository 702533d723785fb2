"""A turn while it runs: what was asked, what happened so far."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from csai_sdk import AssistantMessage, Passage, ToolMessage
from csai_sdk.event import TurnRef
from csai_sdk.provider import StopReason

from csai.chat.prompt import estimate_tokens
from csai.chat.repository import HistoryRow
from csai.chat.spending import ModelCall, UnderWay, noted
from csai.chat.stream import TurnStream
from csai.chat.trial import TrialTurn
from csai.database import OutcomeUnknown
from csai.experiments.arm import ArmInUse
from csai.plugins.answering import ChosenProvider
from csai.plugins.view import ClientView
from csai.tools.confirmation import DecidedCall
from csai.tools.execution import Execution
from csai.usage.counter import LimitReached

if TYPE_CHECKING:
    from csai.chat.route import Route


class FencedOut(Exception):
    """The conversation was taken from the turn, or it has its outcome already: it may write nothing more."""


@dataclass(frozen=True, slots=True)
class CachedReply:
    """An answer that a model gave to the same question a moment ago, and what that had taken."""

    text: str
    citations: Sequence[Mapping[str, str]]
    tokens: int
    cost_micros: int


@dataclass(slots=True)
class RunningTurn:
    """Accepted and not yet settled. `reserved` mirrors what the counters hold for it."""

    id: str
    client_id: str
    view: ClientView
    session_id: str
    session_token: str
    conversation_id: str
    fence: int
    seq: int
    period: str
    question: str
    visitor_id: str | None
    is_anonymous: bool
    """Nobody said who asks: neither verified nor as a label."""
    accepted_at: datetime
    deadline: float
    """On the event loop's clock."""
    stream: TurnStream
    reserved: dict[str, int]
    chain: Sequence[ChosenProvider]
    """Who is asked, one after the other."""
    trial: TrialTurn | None = None
    """What is kept of an admin's test turn for looking at; None for a visitor's."""
    is_model_given: bool = False
    """Whether who tests it said by which model it is to be answered."""
    arm: ArmInUse | None = None
    """Of the experiment that the conversation takes part in."""
    route: Route | None = None
    """How hard the question was judged; None where the client has no models for simple ones."""
    decided: DecidedCall | None = None
    """What the visitor has just approved or declined, where that is what the turn is about."""
    texts: list[str] = field(default_factory=list)
    """The answer's text, a piece for every model round that said something."""
    saying: list[str] = field(default_factory=list)
    """What the model has said so far of the piece it is saying."""
    rounds: list[AssistantMessage | ToolMessage] = field(default_factory=list)
    model_calls: list[ModelCall] = field(default_factory=list)
    under_way: UnderWay | None = None
    """The call of a model that has not ended yet."""
    executions: list[Execution] = field(default_factory=list)
    best_passage: float = 0.0
    """The share of the question's words that the best passage has; of vectors, which may be late, nothing."""
    passages: Sequence[Passage] = ()
    provider_index: int = 0
    """Who of the chain is asked."""
    first_index: int = 0
    """Who of it was to be asked; it is another where that one failed."""
    stop_reason: StopReason | None = None
    """Why the model's last reply ended."""
    history: Sequence[HistoryRow] | None = None
    """The messages before this turn that no summary tells, newest first; None until they are read."""
    summary: str = ""
    """Of the messages up to number `summary_seq`; empty where there is none."""
    summary_seq: int = 0
    is_history_cut: bool = False
    """Whether earlier turns had to be left out of what the model was shown."""
    cache_key: str | None = None
    """Of the answer in the response cache; None where the turn has no business there."""
    cached: CachedReply | None = None
    task: asyncio.Task[None] | None = None
    is_stop_requested: bool = False
    handed_to: str | None = None
    """Who answers instead of the AI, as the conversation's state says it; None where the AI does."""
    limit_reached: LimitReached | None = None
    is_reserved_unsure: bool = False
    """Whether the counters may hold more than `reserved` says: a commit's answer was lost."""
    is_settled: bool = False
    written: set[str] = field(default_factory=set)
    """Ids of the answers that were tried to be stored: what is stored with one of them is its own."""

    @property
    def ref(self) -> TurnRef:
        return TurnRef(self.client_id, self.conversation_id, self.id)

    def remaining_s(self) -> float:
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def may_have_reserved(self) -> bool:
        """Whether its work ended, or is left, with a transaction whose end nobody has heard of."""
        if self.task is None or self.task.cancelled():
            return False
        return not self.task.done() or isinstance(self.task.exception(), OutcomeUnknown)

    def said(self) -> Iterator[str]:
        """What the visitor said, the latest first."""
        yield self.question
        yield from (row.content for row in self.history or () if row.role == "user")

    def answer(self) -> str:
        return "\n\n".join(text for text in (*self.texts, "".join(self.saying)) if text)

    def withdraw(self) -> None:
        """Take back a piece of an answer that will not be finished; keep what earlier rounds said."""
        self.saying = []
        self.stream.add("text.reset", {})
        if self.answer():
            self.stream.text(self.answer() + "\n\n")

    def note(self) -> dict[str, Any]:
        """What its calls of models have used so far, for its row."""
        if self.under_way is not None:
            said = estimate_tokens("".join(self.saying))
            self.under_way.tokens_output = min(said, self.under_way.most_output)
        return noted(self.model_calls, self.under_way)

    def answering(self) -> list[ModelCall]:
        """Its calls of models that were to answer; the question's vector is made before them."""
        return [call for call in self.model_calls if not call.is_embedding]

    def used(self) -> dict[str, int]:
        """What the turn spent so far, by metric."""
        return {
            "tokens": sum(call.usage.tokens_input + call.usage.tokens_output for call in self.model_calls),
            "cost": sum(call.cost_micros for call in self.model_calls),
            "tool_calls": len([execution for execution in self.executions if execution.has_run]),
        }
