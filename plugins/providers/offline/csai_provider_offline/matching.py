"""Which tool a visitor's words ask for, and whether they ask clearly enough."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csai_sdk import ToolSpec

from csai_provider_offline.parameter import Parameter, name_words, parameters_of
from csai_provider_offline.reading import Reading, read_arguments
from csai_provider_offline.source import Source
from csai_provider_offline.words import best_likeness, content_words, implied_words, stem, words

_ENOUGH = 1.1
_ENOUGH_WITHOUT_ARGUMENTS = 1.9
_MIN_TO_ASK = 1.5
_GENERIC = (
    "check get find list look lookup show fetch read search query retrieve details detail the by id all of to"
)
_GENERIC_STEMS = frozenset(stem(word) for word in _GENERIC.split())

_ACTIONS = frozenset(
    {"cancel", "change", "return", "refund", "exchange", "modify", "update", "delete", "remove"}
)
_POLITE = re.compile(
    r"(?:(?:please|pls|kindly|hi|hello|hey|ok|okay|so|and|then|also|now|just|yes)\b[\s,!.:]*)*",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:(?:please|kindly|just|can you|could you|would you|will you|can i|could i|may i|i['’]?d like|"
    r"i would like|i want|i need|i wish|let['’]?s|help me)\b[\s,]*)+"
    r"(?:(?:to|me|have|get|make|set up|an?|the|my|another|new)\b\s*)*",
    re.IGNORECASE,
)
_ONLY_ASKS = re.compile(
    r"\b(?:how (?:do|can|to|does|would|long|much|many)|what (?:if|happens|is|are)|is it possible|should|why|"
    r"when|policy)\b",
    re.IGNORECASE,
)
_HOW_TO = re.compile(r"^\s*(?:how (?:do|can|could|would|may) (?:i|we|you)|how to)\s+", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:don['’]?t|do not|not|never|without|didn['’]?t|won['’]?t)\b", re.IGNORECASE)
_PERSONAL = re.compile(
    r"\b(?:my|mine|me|our|i|i['’]m|where|check|track|look up|status|sell|stock)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Match:
    """A tool that the words ask for, with what could be read for it."""

    tool: ToolSpec
    score: float
    arguments: dict[str, Any]
    missing: tuple[Parameter, ...]
    is_clear: bool
    """Whether more than a turn of phrase and a free choice of words speak for it."""
    certain: Mapping[str, Any] = field(default_factory=dict)
    """Those of the arguments that were recognised by their form."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A tool with its words and parameters."""

    tool: ToolSpec
    parameters: tuple[Parameter, ...]
    named: tuple[str, ...]
    """The stems of its name."""
    telling: frozenset[str]
    """Those of them that tell it from other tools."""
    described: frozenset[str]
    explained: frozenset[str]
    """The stems of its description's first sentence, and of the rest."""
    labels: frozenset[str]
    choices: frozenset[str]
    """The stems of what its parameters let choose from."""

    @classmethod
    def of(cls, tool: ToolSpec) -> _Known:
        parameters = tuple(parameters_of(tool))
        named = tuple(stem(word) for word in name_words(tool.name))
        examples = " ".join(example for p in parameters if p.kind == "thing" for example in p.examples)
        return cls(
            tool=tool,
            parameters=parameters,
            named=named,
            telling=frozenset(named) - _GENERIC_STEMS or frozenset(named),
            described=frozenset(content_words(first_sentence(tool.description))),
            explained=frozenset(content_words(tool.description[:2000])),
            labels=frozenset(word for p in parameters for word in p.stems).union(content_words(examples)),
            choices=frozenset(word for p in parameters for word in content_words(" ".join(p.options))),
        )


class ToolBox:
    """The tools of one request, their words read once."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._known = [_Known.of(tool) for tool in tools]

    def best(self, clause: str, whole: str, now: datetime) -> Match | None:
        """The tool that the clause asks for; values that it lacks are looked for in the whole message."""
        matches = [match for known in self._known if (match := self._match(known, clause, whole, now))]
        return max(matches, key=lambda match: match.score - 0.4 * len(match.missing), default=None)

    def explained(self, text: str, now: datetime) -> Match | None:
        """The tool for a question how to do something; it lacks a value, so that nothing is done unasked."""
        wish, found = _HOW_TO.subn("", text)
        match = self.best(wish, wish, now) if found else None
        return match if match and match.missing else None

    def named(self, name: str, text: str, now: datetime, *, is_bare_answer: bool) -> Match | None:
        """The tool of that name, with whatever the text holds for it."""
        known = next((known for known in self._known if known.tool.name == name), None)
        if known is None:
            return None
        reading = _read(known, known.parameters, text, now, is_bare_answer=is_bare_answer)
        return _as_match(known, 0.0, reading, is_clear=True)

    def _match(self, known: _Known, clause: str, whole: str, now: datetime) -> Match | None:
        if not known.tool.is_read_only and not _is_request(clause, known):
            return None
        score, is_clear = self._score(known, clause)
        reading = _read(known, known.parameters, clause, now)
        if clause != whole:
            more = _read(known, _certain_only(known.parameters), whole, now)
            reading = Reading({**more.arguments, **reading.arguments}, reading.certain | more.certain)
        fitting = sum(1.0 if p.is_required else 0.3 for p in known.parameters if p.name in reading.certain)
        match = _as_match(known, score + fitting, reading, is_clear=is_clear)
        return match if _is_enough(match, reading, clause, known) else None

    def _score(self, known: _Known, clause: str) -> tuple[float, bool]:
        implied = set(implied_words(clause))
        score, is_clear = 0.0, False
        for word in content_words(clause):
            strength = max(
                2.0 * best_likeness(word, known.telling),
                1.0 * best_likeness(word, known.described),
                0.7 * best_likeness(word, known.labels),
                0.6 * best_likeness(word, known.explained),
            )
            score += strength / self._commonness(word)
            is_clear = is_clear or (word not in implied and strength >= 1.0)
        return score, is_clear

    def _commonness(self, word: str) -> float:
        holding = sum(best_likeness(word, known.telling) > 0 for known in self._known)
        return 1.0 + 0.25 * max(0, holding - 1)


def first_sentence(description: str) -> str:
    text = " ".join(description[:2000].split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0][:200]


def action_beyond(clause: str, match: Match) -> str:
    """What the clause wants done and a tool that only looks things up does not do; else empty."""
    polite = _POLITE.match(clause)
    rest = clause[polite.end() if polite else 0 :]
    wish = _WISH.match(rest)
    action = next(iter(words(rest[wish.end() if wish else 0 :])), "")
    is_beyond = action in _ACTIONS and best_likeness(stem(action), content_words(match.tool.name)) < 1.0
    return action if match.tool.is_read_only and is_beyond else ""


def _read(
    known: _Known, parameters: Sequence[Parameter], text: str, now: datetime, *, is_bare_answer: bool = False
) -> Reading:
    intent = frozenset(known.named).union(implied_words(text))
    return read_arguments(parameters, Source(text, now, is_bare_answer=is_bare_answer, intent=intent))


def _certain_only(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Without those that any words would do for: from another sentence they would be the wrong words."""
    return [parameter for parameter in parameters if parameter.kind not in ("thing", "text", "yes_no")]


def _as_match(known: _Known, score: float, reading: Reading, *, is_clear: bool) -> Match:
    missing = tuple(p for p in known.parameters if p.is_required and p.name not in reading.arguments)
    certain = {name: reading.arguments[name] for name in reading.certain}
    return Match(known.tool, score, reading.arguments, missing, is_clear, certain)


def _is_enough(match: Match, reading: Reading, clause: str, known: _Known) -> bool:
    if match.missing:
        is_meant = not match.tool.is_read_only or (
            _PERSONAL.search(clause) is not None and not _ONLY_ASKS.search(clause)
        )
        return match.is_clear and is_meant and match.score >= _MIN_TO_ASK
    if not known.parameters:
        return match.is_clear and match.score >= _ENOUGH_WITHOUT_ARGUMENTS
    is_recognised = any(p.is_required and p.name in reading.certain for p in known.parameters)
    is_only_a_value = is_recognised and len(content_words(clause)) <= 4 and match.tool.is_read_only
    return match.score >= _ENOUGH or is_only_a_value


def _is_request(clause: str, known: _Known) -> bool:
    """Whether the clause tells to do what the tool does, as against mentioning it or asking about it."""
    if not known.named or _ONLY_ASKS.search(clause) or _NEGATED.search(clause):
        return False
    polite = _POLITE.match(clause)
    rest = clause[polite.end() if polite else 0 :]
    action = known.named[0]
    if wish := _WISH.match(rest):
        near = [stem(word) for word in words(rest[wish.end() :])[:3]]
        return best_likeness(action, near) > 0 or not known.choices.isdisjoint(near)
    return [stem(word) for word in words(rest)[:1]] == [action]
