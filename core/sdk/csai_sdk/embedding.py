"""Embeddings: texts as vectors, near to each other where the texts mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from csai_sdk.errors import ProviderProtocolError
from csai_sdk.usage import Usage


@dataclass(frozen=True, slots=True)
class EmbeddingTraits:
    """What an embedding model can do, as data.

    `dimensions` is the length of its vectors where nobody asks for another, None where only its answer
    tells; `can_shorten` is whether another may be asked for. The server sends at most `max_batch` texts at
    once, each of at most `max_input_tokens` tokens by its estimate. Passages whose cosine similarity to the
    question is below `min_similarity` are taken to have nothing to do with it. What a call costs follows
    from the model's `ModelTraits`. `is_metered` is False where no model stands behind it: nothing is booked
    and no plan's limit counts it.
    """

    dimensions: int | None = None
    can_shorten: bool = False
    max_batch: int = 64
    max_input_tokens: int = 512
    min_similarity: float = 0.0
    is_metered: bool = True


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """One call of an embedding model.

    `purpose` tells what the texts are, for models that embed the two differently. `dimensions` is None where
    the model's own are meant. `timeout_s` bounds the whole call.
    """

    model: str
    texts: Sequence[str]
    purpose: Literal["passage", "question"] = "passage"
    dimensions: int | None = None
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Embeddings:
    """A vector for each text, in the order of the texts and all of one length.

    `usage` is None when the vendor reported none (it is then booked as an estimate); `tokens_output` is 0.
    `model` is the name the vendor answered with.
    """

    vectors: Sequence[Sequence[float]]
    usage: Usage | None
    model: str


def check_vectors(vectors: object, *, count: int, dimensions: int | None = None) -> Sequence[Sequence[float]]:
    """What a vendor sent, if it is `count` vectors of finite numbers, all of one length.

    Raises `ProviderProtocolError` where it is not, or where the length is not that asked for.
    """
    if not isinstance(vectors, list | tuple) or len(vectors) != count:
        raise ProviderProtocolError("the answer does not hold one vector for each text")
    lengths = {len(vector) if isinstance(vector, list | tuple) else 0 for vector in vectors}
    if len(lengths) > 1 or 0 in lengths or (count and dimensions is not None and lengths != {dimensions}):
        raise ProviderProtocolError("the answer's vectors are not of the length that they should be")
    if not all(_is_number(value) for vector in vectors for value in vector):
        raise ProviderProtocolError("the answer's vectors hold what is no number")
    return vectors


def _is_number(value: object) -> bool:
    return type(value) in (float, int) and isfinite(value)  # type: ignore[arg-type]
