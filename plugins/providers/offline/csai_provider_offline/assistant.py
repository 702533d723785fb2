"""Decides what to say and which tools to call; everything is derived from the request, nothing is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from csai_sdk import AssistantMessage, ModelRequest, ToolMessage, UserMessage

from csai_provider_offline import speech
from csai_provider_offline.matching import Match, ToolBox, action_beyond
from csai_provider_offline.quote import Quote, best_quotes
from csai_provider_offline.result import came_to_nothing, in_sentences
from csai_provider_offline.words import best_likeness, content_words, stem

_MAX_MESSAGE_CHARS = 4000
_MAX_CLAUSES = 6
# A booking is asked for in a handful of messages; what was said long before no longer waits for an answer.
_MEMORY = 6
_CLAUSE_END = re.compile(
    r"(?<=[.!?;؟])\s+|\n+|,?\s+(?:and|also|plus)\s+(?=(?:also|is|are|do|does|can|could|where|when|what|which|how|please|"
    r"book|check|cancel|tell|show|i|i'd|i want|if)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\?|^\W*(?:what|when|how|where|which|who|why|do|does|is|are|can|tell)\b", re.IGNORECASE)
_SPACES = re.compile(r"(\s)\s+")
# The score of words that name a tool from end to end: "where is my order".
_UNMISTAKABLE = 3.0
_FOLLOWS_UP = re.compile(r"^\s*(?:and|what about|how about|or|also)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Either calls to make or a text to say."""

    text: str = ""
    calls: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a visitor's message comes to."""

    calls: tuple[Match, ...] = ()
    question: Match | None = None
    texts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is said before all else."""


@dataclass(slots=True)
class _Memory:
    """What earlier messages leave behind, worked out anew each time."""

    pending: Match | None = None
    """A call that waits for values the visitor was asked for."""
    refused: Match | None = None
    """A call that came to nothing, so that the visitor may try it with another value."""
    last_tool: str = ""


@dataclass(slots=True)
class _Exchange:
    """A visitor's message, what was said to it before the next one, and the tool results in between."""

    text: str
    said: list[str] = field(default_factory=list)
    results: list[ToolMessage] = field(default_factory=list)


def answer(request: ModelRequest, now: datetime) -> Answer:
    tools = [tool for tool in request.tools if tool.is_read_only or not request.is_fallback]
    exchanges = _exchanges(request)
    box = ToolBox(tools)
    planner = _Planner(request, box, now)
    memory = _Memory()
    for exchange in exchanges[-_MEMORY - 1 : -1]:
        planner.learn(memory, exchange)
    current = exchanges[-1]
    said = [text for exchange in exchanges for text in exchange.said]
    intro = "" if speech.has_introduced_itself(said) else speech.introduction(is_fallback=request.is_fallback)
    if not current.results and (social := _social(current.text, request, intro)):
        return Answer(social)
    plan = planner.plan(current.text, memory)
    if plan.calls and not current.results and request.tool_choice == "auto":
        return Answer(calls=plan.calls)
    parts = list(plan.notes)
    parts += [in_sentences(result) for message in current.results[-1:] for result in message.results]
    if plan.calls and not current.results:
        parts.append(speech.NO_MORE_TOOLS)
    parts.extend(plan.texts)
    if plan.question:
        parts.append(speech.question_for(plan.question))
    if not parts:
        parts = [speech.NOT_FOUND, speech.abilities(tools)]
    return Answer("\n\n".join(part for part in (intro, *parts) if part))


def _exchanges(request: ModelRequest) -> list[_Exchange]:
    exchanges: list[_Exchange] = []
    for message in request.messages:
        if isinstance(message, UserMessage):
            exchanges.append(_Exchange(_SPACES.sub(r"\1", message.text[:_MAX_MESSAGE_CHARS])))
        elif not exchanges:
            exchanges.append(_Exchange(""))
        if isinstance(message, AssistantMessage) and message.text:
            exchanges[-1].said.append(message.text)
        elif isinstance(message, ToolMessage):
            exchanges[-1].results.append(message)
    return exchanges or [_Exchange("")]


def _social(text: str, request: ModelRequest, intro: str) -> str:
    """The answer to a greeting, to thanks, or to questions about the assistant itself."""
    tools = [tool for tool in request.tools if tool.is_read_only or not request.is_fallback]
    own = intro or speech.introduction(is_fallback=request.is_fallback)
    if speech.asks_who(text):
        return f"{own}\n\n{speech.abilities(tools)}"
    if not text.strip() or speech.is_greeting(text):
        return "\n\n".join(part for part in ("Hello!", intro, speech.abilities(tools)) if part)
    if speech.asks_for_abilities(text):
        return "\n\n".join(part for part in (intro, speech.abilities(tools)) if part)
    for applies, said in (
        (speech.is_thanks, speech.WELCOME),
        (speech.is_goodbye, speech.GOODBYE),
    ):
        if applies(text):
            return "\n\n".join(part for part in (intro, said) if part)
    return ""


class _Planner:
    def __init__(self, request: ModelRequest, box: ToolBox, now: datetime) -> None:
        self._request = request
        self._box = box
        self._now = now

    def learn(self, memory: _Memory, exchange: _Exchange) -> None:
        """Take an earlier exchange into account: was a value asked for at its end?"""
        plan = self.plan(exchange.text, memory, is_past=True)
        memory.pending = memory.refused = None
        if plan.question and any(speech.question_for(plan.question) in text for text in exchange.said):
            memory.pending = plan.question
        if len(plan.calls) == 1 and exchange.results and came_to_nothing(exchange.results[-1].results[0]):
            memory.refused = plan.calls[0]
        matches = [*plan.calls, *([plan.question] if plan.question else [])]
        if matches:
            memory.last_tool = matches[-1].tool.name

    def plan(self, text: str, memory: _Memory, *, is_past: bool = False) -> Plan:
        fresh = self._fresh(text, is_past=is_past)
        if memory.pending and not fresh.calls and (resumed := self._resumed(text, memory.pending, fresh)):
            return resumed
        if memory.refused and not fresh.calls and (match := self._tried_again(text, memory.refused)):
            return Plan(calls=(match,))
        if not fresh.calls and _FOLLOWS_UP.match(text) and (match := self._followed_up(text, memory)):
            return Plan(calls=(match,))
        return fresh

    def _fresh(self, text: str, *, is_past: bool) -> Plan:
        """The message by itself."""
        calls: list[Match] = []
        questions: list[Match] = []
        rest: list[str] = []
        notes: list[str] = []
        for clause in _clauses(text):
            match = self._box.best(clause, text, self._now)
            quotes = [] if is_past else best_quotes(clause, self._request.passages)
            if match is None or _is_better_quoted(clause, match, quotes):
                rest.append(clause)
                continue
            if action := action_beyond(clause, match):
                notes.append(speech.cannot(action))
            if match.missing:
                questions.append(match)
            elif all((match.tool.name, match.arguments) != (c.tool.name, c.arguments) for c in calls):
                calls.append(match)
        called = {match.tool.name for match in calls}
        question = next((match for match in questions if match.tool.name not in called), None)
        texts = () if is_past else self._texts(text, rest, is_alone=not calls and not question)
        if not calls and not question and not texts:
            question = self._box.explained(text, self._now)
        return Plan(tuple(calls), question, texts, tuple(notes))

    def _texts(self, text: str, rest: Sequence[str], *, is_alone: bool) -> tuple[str, ...]:
        passages = self._request.passages
        if is_alone:
            quotes = best_quotes(text, passages)
            if not quotes and speech.asks_for_a_person(text):
                return (speech.NO_HUMAN,)
            by_clause = [q for clause in rest for q in best_quotes(clause, passages)] if len(rest) > 1 else []
            chosen = by_clause or quotes
        else:
            asked = [clause for clause in rest if _ASKS.search(clause)]
            chosen = [quote for clause in asked for quote in best_quotes(clause, passages)]
        unique = list({(quote.title, quote.text): quote for quote in chosen}.values())[:3]
        return (speech.quoted(unique),) if unique else ()

    def _resumed(self, text: str, pending: Match, fresh: Plan) -> Plan | None:
        """The call that was waiting for a value, now that the visitor may have given it."""
        if speech.takes_it_back(text):
            return Plan(texts=(speech.LEFT_ALONE,))
        if fresh.question and fresh.question.tool.name != pending.tool.name:
            return None
        found = self._box.named(pending.tool.name, text, self._now, is_bare_answer=_is_bare(text))
        if found is None:
            return None
        missing = {parameter.name for parameter in pending.missing}
        added = {name: value for name, value in found.arguments.items() if name in missing}
        if not added:
            return None if fresh.texts or fresh.question else Plan(question=pending, texts=(speech.NOT_READ,))
        arguments = {**pending.arguments, **added}
        still = tuple(parameter for parameter in pending.missing if parameter.name not in added)
        match = Match(pending.tool, pending.score, arguments, still, is_clear=True)
        return Plan(question=match) if still else Plan(calls=(match,))

    def _tried_again(self, text: str, refused: Match) -> Match | None:
        """`Then Monday at 10:00` after a time that could not be had."""
        found = self._box.named(refused.tool.name, text, self._now, is_bare_answer=False)
        if found is None or not _is_bare(text) or speech.takes_it_back(text):
            return None
        changed = {
            name: value for name, value in found.certain.items() if value != refused.arguments.get(name)
        }
        if not changed:
            return None
        arguments = {**refused.arguments, **changed}
        return Match(refused.tool, refused.score, arguments, (), is_clear=True, certain=changed)

    def _followed_up(self, text: str, memory: _Memory) -> Match | None:
        """`And the red mug?` after a look-up asks the same of another thing."""
        match = self._box.named(memory.last_tool, text, self._now, is_bare_answer=False)
        is_usable = match is not None and match.tool.is_read_only and not match.missing and match.arguments
        return match if is_usable else None


def _clauses(text: str) -> list[str]:
    clauses = [clause.strip() for clause in _CLAUSE_END.split(text) if clause and clause.strip()]
    first, rest = clauses[: _MAX_CLAUSES - 1], clauses[_MAX_CLAUSES - 1 :]
    return [*first, " ".join(rest)] if rest else first


def _is_bare(text: str) -> bool:
    return len(text.split()) <= 15 and not text.rstrip().endswith("?")


def _is_better_quoted(clause: str, match: Match, quotes: Sequence[Quote]) -> bool:
    """Whether the question is one for the knowledge: `Do you have a return policy?` asks for no product."""
    if not quotes or not match.tool.is_read_only:
        return False
    if action := action_beyond(clause, match):
        return best_likeness(stem(action), content_words(f"{quotes[0].title} {quotes[0].text}")) == 1.0
    if match.missing:
        return quotes[0].is_title_match and quotes[0].coverage >= 0.5 and match.score < _UNMISTAKABLE
    return not match.is_clear and quotes[0].is_title_match
