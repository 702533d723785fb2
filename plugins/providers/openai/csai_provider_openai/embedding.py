"""Embeddings: the request's body, the answer's vectors, what is known of the models.

Source: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import re
from typing import Any

from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    ProviderProtocolError,
    Usage,
    check_vectors,
)
from jiter import from_json

from csai_provider_openai.failure import error_in_body

DEFAULT_EMBEDDING_MODEL = "text-embedding-3-small"

_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
_CAN_SHORTEN = re.compile(r"(?:.*/)?text-embedding-3-(?:small|large)")
_MAX_INPUT_TOKENS = 8_191
# OpenAI takes 2,048 texts of together 300,000 tokens; a passage has at most some 1,500.
_MAX_BATCH = 128
# Measured by OpenAI's users, not promised: unrelated texts lie between 0 and 0.2, the old model's near 0.75.
_MIN_SIMILARITY = {
    "text-embedding-3-small": 0.2,
    "text-embedding-3-large": 0.2,
    "text-embedding-ada-002": 0.75,
}


def traits_of(model: str) -> EmbeddingTraits:
    """Of a model that OpenAI does not have, on a server of one's own, little is known."""
    name = model.rpartition("/")[2]
    if name not in _DIMENSIONS:
        return EmbeddingTraits()
    return EmbeddingTraits(
        dimensions=_DIMENSIONS[name],
        can_shorten=_CAN_SHORTEN.fullmatch(model) is not None,
        max_batch=_MAX_BATCH,
        max_input_tokens=_MAX_INPUT_TOKENS,
        min_similarity=_MIN_SIMILARITY[name],
    )


def body_of(request: EmbeddingRequest) -> dict[str, Any]:
    """The body of `POST /embeddings`."""
    body: dict[str, Any] = {"model": request.model, "input": list(request.texts), "encoding_format": "float"}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return body


def embeddings_of(answer: bytes, request: EmbeddingRequest) -> Embeddings:
    """The vectors in the order of their numbers, which need not be that of the answer."""
    try:
        found = from_json(answer)
        if failure := error_in_body(found):
            raise failure
        items = sorted(found["data"], key=lambda item: item["index"])
        places = [item["index"] for item in items]
        vectors = [item["embedding"] for item in items]
        usage = found.get("usage")
        tokens = Usage(int(usage["prompt_tokens"])) if usage else None
        model = str(found.get("model") or request.model)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ProviderProtocolError("the answer holds no embeddings") from None
    if places != list(range(len(request.texts))):
        raise ProviderProtocolError("the answer does not hold one vector for each text")
    checked = check_vectors(vectors, count=len(request.texts), dimensions=request.dimensions)
    return Embeddings(checked, tokens, model)
