"""Which of the passages that were found an answer really draws on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from csai_sdk import Passage

MAX_SOURCES = 3
MIN_SHARED_WORDS = 3
MIN_SHARE = 0.3

_WORD = re.compile(r"\w{3,}")


def cite(answer: str, *, question: str, passages: Sequence[Passage]) -> list[dict[str, str]]:
    """The sources of an answer, each once, best first.

    A passage counts when it has a good share of the answer's words, those of the question left out: an
    answer that a tool gave shares few words with passages that merely lay beside it.
    """
    said = _words(answer) - _words(question)
    sources: dict[tuple[str, str], dict[str, str]] = {}
    for passage in passages:
        shared = said & _words(f"{passage.title} {passage.text}")
        if len(shared) >= MIN_SHARED_WORDS and len(shared) >= MIN_SHARE * len(said):
            sources.setdefault((passage.title, passage.url), {"title": passage.title, "url": passage.url})
    return list(sources.values())[:MAX_SOURCES]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
