"""Which tool a visitor's words ask for, and whether they ask clearly enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csai_sdk import ToolSpec

from csai_provider_offline.parameter import Parameter, name_words, parameters_of
from csai_provider_offline.reading import Reading, Source, read_arguments
from csai_provider_offline.words import best_likeness, content_words, implied_words, likeness, stem, words

_ENOUGH = 1.1
_ENOUGH_WITHOUT_ARGUMENTS = 1.9
_MIN_TO_ASK = 1.5
_OPENING = re.compile(
    r"^(?:please|pls|kindly|hi|hello|hey|ok|okay|so|and|then|also|now|just|can you|could you|would you|will you|"
    r"can i|could i|may i|i['’]?d like|i would like|i want|i need|i wish|let['’]?s|help me|to|you|me|it|my|the|an|a|"
    r"have|get|make|set up|[,:!.\s])*\s*",
    re.IGNORECASE,
)
_ONLY_ASKS = re.compile(
    r"\b(?:how (?:do|can|to|does|would|long|much|many)|what (?:if|happens|is|are)|is it possible|should|why|when|policy)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:don['’]?t|do not|not|never|without|didn['’]?t|won['’]?t)\b", re.IGNORECASE)
_PERSONAL = re.compile(r"\b(?:my|mine|me|our|i|i['’]m|where|check|track|look up|status)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Match:
    """A tool that the words ask for, with what could be read for it."""

    tool: ToolSpec
    score: float
    arguments: dict[str, Any]
    missing: tuple[Parameter, ...]
    is_clear: bool
    """Whether more than a turn of phrase and a free choice of words speak for it."""


@dataclass(frozen=True, slots=True)
class ToolBox:
    """The tools with their words and parameters, read once an answer."""

    tools: tuple[tuple[ToolSpec, tuple[Parameter, ...], frozenset[str], frozenset[str]], ...]

    @classmethod
    def of(cls, tools: Sequence[ToolSpec]) -> ToolBox:
        return cls(
            tuple(
                (
                    tool,
                    tuple(parameters_of(tool)),
                    frozenset(
                        stem(word) for word in name_words(tool.name) if word not in ("get", "the", "id")
                    ),
                    frozenset(content_words(first_sentence(tool.description))),
                )
                for tool in tools
            )
        )

    def best(self, clause: str, whole: str, now: datetime) -> Match | None:
        """The tool that the clause asks for; values that it lacks are looked for in the whole message."""
        matches = [match for entry in self.tools if (match := self._match(entry, clause, whole, now))]
        return max(matches, key=lambda match: match.score - 0.4 * len(match.missing), default=None)

    def named(self, name: str, text: str, now: datetime, *, is_bare_answer: bool) -> Match | None:
        """The tool of that name, with whatever the text holds for it."""
        for tool, parameters, name_stems, _ in self.tools:
            if tool.name == name:
                reading = _read(parameters, text, name_stems, now, is_bare_answer=is_bare_answer)
                return _as_match(tool, 0.0, parameters, reading, is_clear=True)
        return None

    def _match(
        self,
        entry: tuple[ToolSpec, tuple[Parameter, ...], frozenset[str], frozenset[str]],
        clause: str,
        whole: str,
        now: datetime,
    ) -> Match | None:
        tool, parameters, name_stems, _ = entry
        if not tool.is_read_only and not _is_request(clause, name_stems):
            return None
        score, is_clear = self._score(entry, clause)
        reading = _read(parameters, clause, name_stems, now)
        if clause != whole:
            reading = _filled_up(reading, _read(_certain_only(parameters), whole, name_stems, now))
        match = _as_match(tool, score + len(reading.certain), parameters, reading, is_clear=is_clear)
        return match if _is_enough(match, reading, clause, parameters) else None

    def _score(
        self, entry: tuple[ToolSpec, tuple[Parameter, ...], frozenset[str], frozenset[str]], clause: str
    ) -> tuple[float, bool]:
        _, parameters, name_stems, described = entry
        labels = frozenset(word for parameter in parameters for word in parameter.stems)
        implied = set(implied_words(clause))
        score, is_clear = 0.0, False
        for word in content_words(clause):
            strength = max(
                2.0 * best_likeness(word, name_stems),
                1.0 * best_likeness(word, described),
                0.7 * best_likeness(word, labels),
            )
            score += strength / self._commonness(word)
            is_clear = is_clear or (word not in implied and strength >= 1.0)
        return score, is_clear

    def _commonness(self, word: str) -> float:
        holding = sum(best_likeness(word, name_stems) > 0 for _, _, name_stems, _ in self.tools)
        return 1.0 + 0.25 * max(0, holding - 1)


def first_sentence(description: str) -> str:
    text = " ".join(description.split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0][:200]


def _read(
    parameters: Sequence[Parameter],
    text: str,
    name_stems: frozenset[str],
    now: datetime,
    *,
    is_bare_answer: bool = False,
) -> Reading:
    intent = name_stems | frozenset(implied_words(text))
    return read_arguments(parameters, Source(text, now, is_bare_answer=is_bare_answer, intent=intent))


def _certain_only(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Without those that any words would do for: from another sentence they would be the wrong words."""
    return [parameter for parameter in parameters if parameter.kind not in ("thing", "text", "yes_no")]


def _filled_up(reading: Reading, more: Reading) -> Reading:
    return Reading({**more.arguments, **reading.arguments}, reading.certain | more.certain)


def _as_match(
    tool: ToolSpec, score: float, parameters: Sequence[Parameter], reading: Reading, *, is_clear: bool
) -> Match:
    missing = tuple(p for p in parameters if p.is_required and p.name not in reading.arguments)
    return Match(tool, score, reading.arguments, missing, is_clear)


def _is_enough(match: Match, reading: Reading, clause: str, parameters: Sequence[Parameter]) -> bool:
    if match.missing:
        is_meant = not match.tool.is_read_only or (
            _PERSONAL.search(clause) is not None and not _ONLY_ASKS.search(clause)
        )
        return match.is_clear and is_meant and match.score >= _MIN_TO_ASK
    if not parameters:
        return match.is_clear and match.score >= _ENOUGH_WITHOUT_ARGUMENTS
    is_only_a_value = bool(reading.certain) and len(content_words(clause)) <= 4 and match.tool.is_read_only
    return match.score >= _ENOUGH or is_only_a_value


def _is_request(clause: str, name_stems: frozenset[str]) -> bool:
    """Whether the clause tells to do what the tool does, as against asking about it."""
    if _ONLY_ASKS.search(clause) or _NEGATED.search(clause):
        return False
    opening = _OPENING.match(clause)
    near = [stem(word) for word in words(clause[opening.end() if opening else 0 :])[:3]]
    return any(likeness(word, name) > 0 for word in near for name in name_stems)
