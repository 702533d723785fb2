"""A client's passages and their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import EmbeddingRepository, KnowledgeRepository
from csai.models import KnowledgeEmbedding

from tests.support.server import Server

OWN = {"settings": {"embeddings": {"model": "scripted/vec-1"}}}
DRAFTS = [
    PassageDraft("Delivery", "It takes three days."),
    PassageDraft("Refund", "Within two weeks."),
    PassageDraft("Opening hours", "From nine to five."),
]


async def teach(server: Server, drafts: Sequence[PassageDraft] = DRAFTS, *, client_id: str = "") -> None:
    client_id = client_id or server.client.id
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, client_id).add_new(drafts, at=server.services.clock.now())
        await ClientRepository(transaction, client_id).bump()


async def embed(server: Server) -> int:
    """Do all that is due, as the jobs do; how many batches that were."""
    batches = 0
    for client_id in await server.services.embeddings.claim():
        while await server.services.embeddings.run_batch(client_id) == "more":
            batches += 1
    return batches


async def counts(server: Server, model: str = "scripted/vec-1", *, client_id: str = "") -> tuple[int, int]:
    async with server.services.database.read() as connection:
        return await EmbeddingRepository(connection, client_id or server.client.id).counts(model)


async def state(server: Server) -> Any:
    (row,) = await server.rows(KnowledgeEmbedding, client_id=server.client.id)
    return row
