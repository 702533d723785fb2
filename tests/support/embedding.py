"""A provider whose vectors a test can foretell: each of a few topics is a direction of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai_sdk import EmbeddingRequest, Embeddings, EmbeddingTraits, PluginContext, ProviderError, Usage
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server

TOPICS: Mapping[str, Sequence[str]] = {
    "delivery": ("delivery", "parcel", "arrive"),
    "money": ("refund", "money back", "return"),
    "hours": ("open", "weekend", "hours"),
}


REPORTED = Usage(7)


class VectorProvider(ScriptedProvider):
    """Answers every question with "Hello!", and embeds as the test wants.

    `failures` are raised by the next calls, one each; an event is waited for instead.
    """

    default_embedding_model = "vec-1"

    def __init__(
        self,
        *,
        traits: EmbeddingTraits | None = None,
        usage: Usage | None = REPORTED,
        failures: Sequence[ProviderError | asyncio.Event] = (),
        **more: Any,
    ) -> None:
        super().__init__(["Hello!"], is_endless=True, **more)
        self.embedding = traits or EmbeddingTraits(max_batch=2, can_shorten=True, min_similarity=0.3)
        self.embedded: list[EmbeddingRequest] = []
        self.has_embedded = asyncio.Event()
        self.is_asked = asyncio.Event()
        """Set by the first question."""
        self.failures = list(failures)
        self.embedding_usage = usage
        self.vectors: Sequence[Sequence[float]] | None = None
        """What is answered whatever is asked, where a test sets it."""

    def embedding_traits(self, model: str) -> EmbeddingTraits:
        return self.embedding

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        self.embedded.append(request)
        self.has_embedded.set()
        if request.purpose == "question":
            self.is_asked.set()
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, asyncio.Event):
            await failure.wait()
        elif failure is not None:
            raise failure
        vectors = self.vectors
        if vectors is None:
            vectors = [vector_of(text, request.dimensions or 4) for text in request.texts]
        return Embeddings(vectors, self.embedding_usage, request.model)

    def texts(self, purpose: str) -> list[str]:
        """What was embedded for a purpose."""
        return [text for each in self.embedded if each.purpose == purpose for text in each.texts]


async def teach(server: Server, drafts: Sequence[PassageDraft]) -> None:
    """Add the passages and make what vectors are due, as the jobs do."""
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).add(drafts, at=server.services.clock.now())
        await ClientRepository(transaction, server.client.id).bump()
    for client_id in await server.services.embeddings.claim():
        while await server.services.embeddings.run_batch(client_id) == "more":
            pass


def vector_of(text: str, dimensions: int = 4) -> list[float]:
    """1 for each topic that the text touches; the last place for texts that touch none."""
    found = [float(any(word in text.lower() for word in words)) for words in TOPICS.values()]
    return [*found, 0.0 if any(found) else 1.0] + [0.0] * (dimensions - 4)
