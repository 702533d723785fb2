"""Passages get vectors in the background, within the plan's limits, and what that takes is booked."""

from __future__ import annotations

import asyncio

from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import EmbeddingRepository, KnowledgeRepository
from csai.knowledge.vectors import VectorSearch
from sqlalchemy import text

from core.server.tests.knowledge.embedded import DRAFTS, OWN, counts, embed, state, teach
from tests.support.embedding import VectorProvider, vector_of
from tests.support.server import Server, ServerFactory


async def nearest(server: Server, text: str, model: str = "scripted/vec-1") -> list[str]:
    """The titles of the passages nearest to the text."""
    found = await VectorSearch(server.services.database).nearest(
        server.client.id,
        model,
        vector_of(text),
        revision=(await state(server))["revision"],
        limit=5,
        least=0.5,
    )
    async with server.services.database.read() as connection:
        passages = await KnowledgeRepository(connection, server.client.id).named(
            [each.passage_id for each in found]
        )
    titles = {passage.id: passage.title for passage in passages}
    return [titles[each.passage_id] for each in found]


async def test_what_is_taught_gets_vectors_in_batches_by_which_it_is_found(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    server = await make_server(provider, client=OWN)
    await teach(server)

    assert await embed(server) == 2

    assert [list(request.texts) for request in provider.embedded] == [
        ["Delivery\nIt takes three days.", "Refund\nWithin two weeks."],
        ["Opening hours\nFrom nine to five."],
    ]
    assert await counts(server) == (3, 3)
    assert await nearest(server, "when does my parcel arrive?") == ["Delivery"]
    row = await state(server)
    assert (row["due_at"], row["error"], row["model"]) == (None, None, "scripted/vec-1")
    assert await embed(server) == 0


async def test_a_postgresql_without_pgvector_keeps_bytes_and_finds_the_same(
    make_server: ServerFactory,
) -> None:
    server = await make_server(VectorProvider(), client=OWN)
    if not server.services.database.is_sqlite:
        async with server.services.database.write() as transaction:
            await transaction.execute(text("ALTER TABLE knowledge_vectors DROP COLUMN vector"))
            await transaction.execute(text("ALTER TABLE knowledge_vectors ADD COLUMN vector bytea NOT NULL"))
    await teach(server)

    await embed(server)

    assert not await VectorSearch(server.services.database).has_pgvector()
    assert await nearest(server, "when does my parcel arrive?") == ["Delivery"]


async def test_postgresql_compares_vectors_itself_where_it_has_pgvector(make_server: ServerFactory) -> None:
    server = await make_server(VectorProvider(), client=OWN)

    has_it = await VectorSearch(server.services.database).has_pgvector()

    assert has_it is not server.services.database.is_sqlite


async def test_vectors_kept_in_a_process_are_read_anew_once_they_change(make_server: ServerFactory) -> None:
    server = await make_server(VectorProvider(), client=OWN)
    search = VectorSearch(server.services.database)

    async def found() -> int:
        revision = (await state(server))["revision"]
        near = await search.nearest(
            server.client.id, "scripted/vec-1", vector_of("parcel"), revision=revision, limit=5, least=0.5
        )
        return len(near)

    await teach(server)
    await embed(server)
    assert await found() == 1
    await teach(server, [*DRAFTS, PassageDraft("Parcel sizes", "Up to two metres.")])
    await embed(server)
    assert await found() == 2
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).replace_all(
            DRAFTS[1:2], at=server.services.clock.now()
        )
    assert await found() == 0


async def test_only_what_is_new_is_embedded_when_more_is_taught(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await make_server(provider, client=OWN)
    await teach(server)
    await embed(server)
    provider.embedded.clear()

    await teach(server, [*DRAFTS, PassageDraft("Weekend", "We are closed.")])
    await embed(server)

    assert provider.texts("passage") == ["Weekend\nWe are closed."]


async def test_another_model_makes_all_vectors_anew_and_finds_by_its_own_alone(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    server = await make_server(provider, client=OWN)
    await teach(server)
    await embed(server)

    async with server.services.database.write() as transaction:
        clients = ClientRepository(transaction, server.client.id)
        await clients.update_settings({"embeddings": {"model": "scripted/vec-2", "dimensions": 6}})
        await EmbeddingRepository(transaction, server.client.id).make_due(at=server.services.clock.now())
    (client_id,) = await server.services.embeddings.claim()
    assert await server.services.embeddings.run_batch(client_id) == "more"

    assert await counts(server, "scripted/vec-2@6") == (3, 2)
    assert await counts(server) == (3, 1)
    assert provider.embedded[-1].dimensions == 6
    while await server.services.embeddings.run_batch(client_id) == "more":
        pass
    assert await counts(server, "scripted/vec-2@6") == (3, 3)


async def test_what_is_taught_while_a_batch_runs_is_embedded_too(make_server: ServerFactory) -> None:
    gate = asyncio.Event()
    provider = VectorProvider(failures=[gate])
    server = await make_server(provider, client=OWN)
    await teach(server, DRAFTS[:1])
    running = asyncio.create_task(embed(server))
    await provider.has_embedded.wait()

    await teach(server, DRAFTS[1:])
    gate.set()
    await running

    assert await counts(server) == (3, 3)


async def test_a_passage_deleted_while_it_was_embedded_gets_no_vector(make_server: ServerFactory) -> None:
    gate = asyncio.Event()
    provider = VectorProvider(failures=[gate])
    server = await make_server(provider, client=OWN)
    await teach(server, DRAFTS[:1])
    running = asyncio.create_task(embed(server))
    await provider.has_embedded.wait()

    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).replace_all(
            DRAFTS[1:2], at=server.services.clock.now()
        )
    gate.set()
    await running

    assert await counts(server) == (1, 1)
    assert await nearest(server, "parcel") == []


async def test_a_client_is_embedded_by_one_at_a_time(make_server: ServerFactory) -> None:
    gate = asyncio.Event()
    provider = VectorProvider(failures=[gate])
    server = await make_server(provider, client=OWN)
    await teach(server)
    running = asyncio.create_task(embed(server))
    await provider.has_embedded.wait()

    assert await server.services.embeddings.claim() == []
    assert await server.services.embeddings.run_batch(server.client.id) == "done"
    assert len(provider.embedded) == 1
    gate.set()
    await running
    assert await counts(server) == (3, 3)


async def test_without_an_embedding_model_nothing_is_done_and_nothing_waits(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    server = await make_server(provider, client={"settings": {"embeddings": {"model": "off"}}})
    await teach(server)

    assert await embed(server) == 0

    assert provider.embedded == []
    assert (await state(server))["due_at"] is None


async def test_vectors_of_two_clients_are_apart(make_server: ServerFactory) -> None:
    server = await make_server(VectorProvider(), client=OWN)
    other = await server.add_client(name="Other", settings=OWN["settings"] | {"provider": "scripted"})
    await teach(server)
    await teach(server, [PassageDraft("Their delivery", "Never.")], client_id=other.id)

    await embed(server)

    assert await nearest(server, "parcel") == ["Delivery"]
    assert await counts(server, client_id=other.id) == (1, 1)
