"""Finds the sentences of the client's knowledge that answer a question."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from csai_sdk import Passage

from csai_provider_offline.words import best_likeness, content_words, implied_words

_SENTENCE_END = re.compile(r"(?<=[.!?؟。！？])\s+(?=[\"“(*]?[^\Wa-z_])|(?<=[。！？])")
_MARKUP = re.compile(r"^\s*(?:#+|[-*•>]|\d+[.)])\s+|\*\*|__|`")
_LABEL = re.compile(r"^(?:Q|A|Question|Answer)\s*[:.]\s*", re.IGNORECASE)

_MIN_COVERAGE = 0.3
_MAX_UNITS = 3
_MAX_QUOTE_CHARS = 420
_MAX_SENTENCES = 400


@dataclass(frozen=True, slots=True)
class Quote:
    """Sentences of one source, and how much of the question they cover, from 0 to 1."""

    title: str
    text: str
    coverage: float
    is_title_match: bool


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence with those that belong to it: the answer to a question, the rest of a short paragraph."""

    passage: int
    text: str
    words: frozenset[str]
    context: frozenset[str]


def best_quotes(question: str, passages: Sequence[Passage]) -> list[Quote]:
    """The best quotes, best source first; empty where nothing fits."""
    units = [unit for at, passage in enumerate(passages) for unit in _units(at, passage)][:_MAX_SENTENCES]
    implied = implied_words(question)
    asked = [
        word
        for word in content_words(question)
        # A turn of phrase adds to what is found, its absence takes nothing away.
        if word not in implied or any(best_likeness(word, unit.words) > 0 for unit in units)
    ]
    if all(word.isdecimal() for word in asked) or not units:
        return []
    weights = {word: _weight(word, units) for word in asked}
    scored = sorted(
        ((_coverage(unit, weights), -at) for at, unit in enumerate(units)),
        key=lambda pair: pair,
        reverse=True,
    )
    best = scored[0][0]
    if best < _MIN_COVERAGE:
        return []
    at_least = max(0.8 * best, _MIN_COVERAGE)
    home = units[-scored[0][1]].passage
    chosen = sorted(
        -at
        for coverage, at in scored[:_MAX_UNITS]
        if coverage >= (at_least if units[-at].passage == home else 0.95 * best)
    )
    return _by_source([units[at] for at in chosen], home, passages, asked, best)


def _by_source(
    chosen: Sequence[_Unit], home: int, passages: Sequence[Passage], asked: Sequence[str], coverage: float
) -> list[Quote]:
    quotes = []
    for source in sorted({unit.passage for unit in chosen}, key=lambda at: (at != home, at))[:2]:
        title = passages[source].title.strip()
        titled = max(best_likeness(word, content_words(title)) for word in asked)
        if source != home and not titled:
            continue  # It holds the words, but it is about something else.
        texts: list[str] = []
        for unit in chosen:
            # A paragraph's later sentences stand already in what began earlier.
            if unit.passage == source and not any(unit.text in text for text in texts):
                texts.append(unit.text)
        quotes.append(Quote(title, _cut(" … ".join(texts)), coverage, is_title_match=titled == 1.0))
    return quotes


def _cut(text: str) -> str:
    return text if len(text) <= 2 * _MAX_QUOTE_CHARS else text[: 2 * _MAX_QUOTE_CHARS].rstrip() + " …"


def _weight(word: str, units: Sequence[_Unit]) -> float:
    holding = sum(best_likeness(word, unit.words) > 0 for unit in units)
    return 1 + math.log((len(units) + 1) / (holding + 1))


def _coverage(unit: _Unit, weights: dict[str, float]) -> float:
    found = 0.0
    is_exact = False
    for word, weight in weights.items():
        here, around = best_likeness(word, unit.words), best_likeness(word, unit.context)
        is_exact = is_exact or here == 1.0 or around == 1.0
        found += weight * max(here, 0.7 * around)
    # A likeness of meaning alone is too little to quote on, unless it is the whole question.
    needed = 1.0 if is_exact else 1.5
    return found / sum(weights.values()) / needed


def _units(at: int, passage: Passage) -> list[_Unit]:
    title = frozenset(content_words(passage.title))
    units: list[_Unit] = []
    heading = ""
    for line in passage.text.splitlines():
        if line.lstrip().startswith("#"):
            heading = _MARKUP.sub("", line).strip()
            continue
        sentences = [
            text
            for part in _SENTENCE_END.split(_MARKUP.sub("", line))
            if (text := _LABEL.sub("", part.strip()))
        ]
        context = title | frozenset(content_words(heading))
        units.extend(_paragraph_units(at, sentences, context))
        if len(sentences) == 1 and sentences[0].endswith("?"):
            heading = sentences[0]
    return units


def _paragraph_units(at: int, sentences: Sequence[str], context: frozenset[str]) -> list[_Unit]:
    units = []
    for number, sentence in enumerate(sentences):
        is_question = sentence.endswith(("?", "؟", "？"))
        if is_question and number + 1 == len(sentences):
            continue  # A question without its answer answers nothing; the next line has it as its heading.
        text = sentence
        for following in sentences[number + 1 :]:
            if len(text) + len(following) > _MAX_QUOTE_CHARS or following.endswith("?"):
                break
            text = f"{text} {following}"
        units.append(_Unit(at, text, frozenset(content_words(sentence)), context))
    return units
