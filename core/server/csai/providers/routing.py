"""How hard a question is, told from its shape alone: what decides whether the model for simple ones answers.

No model is asked and no word is understood, so that the rules hold in every language: what counts is how much
is written, how many questions and numbers it has, what came before, and whether knowledge has the answer.
The features hold no words of the visitor and are kept with the turn, so that decisions can be made again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RULES = 1
"""Grows with every change of `difficulty`: what was decided by other rules is not decided again."""
HARDEST = 100

_SENTENCE = re.compile(r"[.!?]+(?=\s|$)|[\u3002\uff01\uff1f\u061f\u0964]+")
_QUESTION = re.compile(r"[?\uff1f\u061f\u037e]+")
_NUMBER = re.compile(r"\d+")
_MARKUP = re.compile(r"[{}<>\[\]=|\\]|://|\w@\w")
# Scripts that write no spaces between words: about two characters are a word.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
MAX_CHARS = 2_000
"""So much of a question is looked at: what is longer is hard whatever it says."""


@dataclass(frozen=True, slots=True)
class Features:
    """What is looked at. Counts only."""

    words: int
    sentences: int
    questions: int
    lines: int
    numbers: int
    has_markup: bool
    """Code, addresses, tables."""
    turns_before: int
    has_tool_history: bool
    """Whether a tool was called earlier in the conversation, as far as the model is shown it."""
    tools: int
    """That the client has."""
    has_knowledge: bool
    """Whether passages were looked for."""
    best_passage: int
    """Percent of the question's words that the best passage has; what only vectors find does not count."""
    is_decision: bool
    """The visitor's word on an action."""

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Features:
        return cls(**stored)


def features(
    question: str,
    *,
    turns_before: int = 0,
    has_tool_history: bool = False,
    tools: int,
    best_passage: float | None = None,
    is_decision: bool,
) -> Features:
    """`best_passage` is the share of the question's words that it has; None where none were looked for."""
    text = question[:MAX_CHARS]
    unspaced = len(_UNSPACED.findall(text)) // 2
    return Features(
        words=len(text.split()) + unspaced,
        sentences=len(_SENTENCE.findall(text)),
        questions=len(_QUESTION.findall(text)),
        lines=1 + text.strip().count("\n"),
        numbers=len(_NUMBER.findall(text)),
        has_markup=_MARKUP.search(text) is not None,
        turns_before=turns_before,
        has_tool_history=has_tool_history,
        tools=tools,
        has_knowledge=best_passage is not None,
        best_passage=round(100 * min(1.0, max(0.0, best_passage or 0.0))),
        is_decision=is_decision,
    )


def difficulty(of: Features) -> int:
    """0 is the simplest, 100 the hardest. Whole numbers, so that every machine comes to the same."""
    if of.is_decision:
        return HARDEST
    score = min(of.words, 80) // 2
    score += 5 * min(max(of.sentences - 1, 0), 4)
    score += 8 * min(max(of.questions - 1, 0), 3)
    score += 3 * min(of.lines - 1, 5)
    score += 4 * min(of.numbers, 4)
    score += 10 if of.has_markup else 0
    score += 3 * min(of.turns_before, 5)
    score += 15 if of.has_tool_history else 0
    if of.tools:
        # A number that comes to a client with tools is often that of an order: something to look up.
        score += 15 if of.numbers else 5
    if of.has_knowledge:
        score += 15 if of.best_passage < 30 else -10 if of.best_passage >= 60 else 0
    return min(max(score, 0), HARDEST)
