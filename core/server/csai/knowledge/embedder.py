"""Which model turns a client's knowledge into vectors, and asking it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    PluginContext,
    Provider,
    ProviderError,
    ProviderProtocolError,
    ProviderTimeout,
    check_vectors,
)

from csai.providers.choice import ModelRef

log = structlog.get_logger(__name__)

OFF = "off"
CHARS_PER_TOKEN = 4

Purpose = Literal["passage", "question"]


@dataclass(frozen=True, slots=True)
class EmbeddingChoice:
    """The model that is asked for, None for none; and the length of its vectors, None for its own."""

    ref: ModelRef | None
    dimensions: int | None = None
    min_similarity: float | None = None
    """None for what the model's plugin takes for unrelated."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, default: str) -> EmbeddingChoice:
        """The client's own, else the installation's."""
        own = settings.get("embeddings")
        name = str(own["model"]) if own else default
        ref = None if name in ("", OFF) else ModelRef.parse(name)
        own = own or {}
        return cls(ref, own.get("dimensions"), own.get("min_similarity"))


@dataclass(frozen=True, slots=True)
class Embedder:
    """An embedding model as one client has it."""

    provider: Provider
    ctx: PluginContext
    model: str
    dimensions: int | None = None
    least_similarity: float | None = None
    """The client's own, where it set one."""

    @property
    def min_similarity(self) -> float:
        """What is less similar to a question has nothing to do with it."""
        own = self.least_similarity
        return self.traits.min_similarity if own is None else own

    @property
    def key(self) -> str:
        """Names the space its vectors lie in: those of different keys cannot be compared."""
        length = f"@{self.dimensions}" if self.dimensions else ""
        return f"{self.provider.id}/{self.model}{length}"

    @property
    def traits(self) -> EmbeddingTraits:
        try:
            return self.provider.embedding_traits(self.model)
        except Exception:
            log.exception("provider cannot tell what an embedding model can do", provider=self.provider.id)
            return EmbeddingTraits()

    def cut(self, text: str) -> str:
        """As much of the text as the model is likely to take."""
        return text[: self.traits.max_input_tokens * CHARS_PER_TOKEN]

    async def embed(self, texts: Sequence[str], purpose: Purpose, *, timeout_s: float) -> Embeddings:
        """The vectors of the texts. Raises `ProviderError`, whatever the plugin does."""
        request = EmbeddingRequest(self.model, texts, purpose, self.dimensions, timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                found = await self.provider.embed(request, self.ctx)
            check_vectors(found.vectors, count=len(texts), dimensions=self.dimensions)
        except TimeoutError:
            raise ProviderTimeout("no vectors in time") from None
        except ProviderError:
            raise
        except (Exception, SystemExit) as error:
            log.exception("provider raised what is no ProviderError", provider=self.provider.id)
            raise ProviderProtocolError(
                f"the plugin raised {type(error).__name__}", retryable=False
            ) from None
        return found
