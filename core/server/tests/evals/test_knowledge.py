"""A run is shown the passages that a visitor's turn would be shown: found by words and by vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from csai.clients.repository import ClientRepository
from csai.evals.run import run
from csai.evals.stage import Variant, stage
from csai.evals.suite import Suite
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry

from tests.support.embedding import VectorProvider
from tests.support.server import PluginOf, Server, ServerFactory

OWN = {"settings": {"embeddings": {"model": "scripted/vec-1"}}}
DRAFTS = [
    PassageDraft("Delivery", "It takes three days."),
    PassageDraft("Refund", "Within two weeks."),
    PassageDraft("Parcel sizes", "Three days of notice for a parcel above two metres."),
    PassageDraft("Opening hours", "From nine to five."),
]
QUESTIONS = ["When does my parcel get here?", "How many days until the delivery?", "Something within weeks"]

Shown = list[list[str]]


async def taught(server: Server, *, rounds: int = 100) -> Server:
    """With as many batches of vectors as there are rounds."""
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).add(DRAFTS, at=server.services.clock.now())
        await ClientRepository(transaction, server.client.id).bump()
    for client_id in await server.services.embeddings.claim():
        for _ in range(rounds):
            if await server.services.embeddings.run_batch(client_id) != "more":
                break
    return server


def loaded(provider: VectorProvider) -> Callable[[], PluginRegistry]:
    def load() -> PluginRegistry:
        registry = PluginRegistry()
        registry.register(Found("test", PluginOf(providers=[provider]), "test", "0"))
        return registry

    return load


async def told(server: Server, provider: VectorProvider, questions: Sequence[str]) -> Shown:
    for question in questions:
        await server.say(question)
    return [[each.title for each in request.passages] for request in provider.requests[-len(questions) :]]


async def tried(server: Server, provider: VectorProvider, questions: Sequence[str]) -> tuple[Shown, str]:
    suite = Suite.model_validate(
        {"cases": [{"name": question, "steps": [{"say": question}]} for question in questions]}
    )
    async with stage(
        server.client.id,
        Variant(),
        settings=server.services.settings,
        database=server.services.database,
        load=loaded(provider),
        at=suite.at,
    ) as ready:
        result = await run(suite, ready)
    shown = [[each.title for each in request.passages] for request in provider.requests[-len(questions) :]]
    return shown, result.hash


async def test_it_finds_what_a_visitor_s_turn_finds(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))

    visitor = await told(server, provider, QUESTIONS)
    first, one = await tried(server, provider, QUESTIONS)
    second, other = await tried(server, provider, QUESTIONS)

    # Only vectors find the first: it shares no word with what answers it.
    assert "Delivery" in visitor[0]
    assert first == second == visitor
    assert one == other


async def test_the_passages_are_not_embedded_again(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))
    before = len(provider.texts("passage"))

    await tried(server, provider, QUESTIONS)

    assert len(provider.texts("passage")) == before


@pytest.mark.parametrize("rounds", [0, 1])
async def test_what_has_no_vector_yet_is_found_by_its_words_alone(
    make_server: ServerFactory, rounds: int
) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN), rounds=rounds)

    visitor = await told(server, provider, QUESTIONS)
    shown, _ = await tried(server, provider, QUESTIONS)

    assert shown == visitor
