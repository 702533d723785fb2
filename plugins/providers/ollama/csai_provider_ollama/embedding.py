"""Embeddings in Ollama's form: the request's body and the answer's vectors.

Source: https://docs.ollama.com/api/embed
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    ProviderProtocolError,
    Usage,
    check_vectors,
)

from csai_provider_ollama.chat import duration
from csai_provider_ollama.settings import OllamaSettings

PATH = "/api/embed"
DEFAULT_EMBEDDING_MODEL = "nomic-embed-text"

# A batch is one request of Ollama's however its machine works through it: small ones end within the deadline.
TRAITS = EmbeddingTraits(can_shorten=True, max_batch=32, max_input_tokens=2_048)

# Nomic's models are trained on texts that say what they are for; Ollama's template does not say it for them.
# Source: https://huggingface.co/nomic-ai/nomic-embed-text-v1.5#task-instruction-prefixes
_NOMIC = re.compile(r"(?:.*/)?nomic-embed-text(?:[-:.].*)?")
_NOMIC_PREFIXES = {"passage": "search_document: ", "question": "search_query: "}
# Told by its users, not promised: texts that have nothing to do with each other lie around it.
_NOMIC_MIN_SIMILARITY = 0.5


def traits_of(model: str) -> EmbeddingTraits:
    """Models' cosines lie in different places: of most it is not known where unrelated texts do."""
    return replace(TRAITS, min_similarity=_NOMIC_MIN_SIMILARITY) if _NOMIC.fullmatch(model) else TRAITS


def body(request: EmbeddingRequest, settings: OllamaSettings) -> dict[str, Any]:
    """The request as JSON; Ollama cuts what is longer than the model takes."""
    prefix = _NOMIC_PREFIXES[request.purpose] if _NOMIC.fullmatch(request.model) else ""
    texts = [f"{prefix}{text}" for text in request.texts]
    result: dict[str, Any] = {"model": request.model, "input": texts, "truncate": True}
    if request.dimensions is not None:
        result["dimensions"] = request.dimensions
    if settings.keep_alive:
        result["keep_alive"] = duration(settings.keep_alive)
    return result


def embeddings_of(answer: bytes, request: EmbeddingRequest) -> Embeddings:
    try:
        found = json.loads(answer)
        vectors = found["embeddings"]
        tokens = found.get("prompt_eval_count")
        usage = None if tokens is None else Usage(int(tokens))
        model = str(found.get("model") or request.model)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ProviderProtocolError("Ollama's answer holds no embeddings.") from None
    checked = check_vectors(vectors, count=len(request.texts), dimensions=request.dimensions)
    return Embeddings(checked, usage, model)
