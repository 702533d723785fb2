"""One ranking out of two: what the words say and what the vectors say, by the places they give a passage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from csai_sdk import Passage

RANKED = 20
"""How many of the best each ranking gives."""
DAMPING = 60
"""How little a first place is worth more than the next; as in Cormack and others, SIGIR 2009."""


def fused(by_words: Sequence[str], by_vectors: Sequence[str]) -> dict[str, float]:
    """The passages of both rankings with scores from 0 to 1, best first; ties as the words have them."""
    scores: dict[str, float] = {}
    for ranking in (by_words, by_vectors):
        for place, passage_id in enumerate(ranking, 1):
            scores[passage_id] = scores.get(passage_id, 0.0) + (DAMPING + 1) / (DAMPING + place) / 2
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def chosen(scores: Mapping[str, float], passages: Iterable[Passage], *, limit: int) -> list[Passage]:
    """The best of the passages; one that has been deleted meanwhile is passed over."""
    known = {passage.id: passage for passage in passages}
    best = [replace(known[key], score=score) for key, score in scores.items() if key in known]
    return best[:limit]
