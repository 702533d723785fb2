"""Passages get vectors in the background, within the plan's limits, and what that takes is booked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import EmbeddingRepository, KnowledgeRepository
from csai.knowledge.vectors import VectorSearch
from csai.models import EmbeddingBatch, KnowledgeEmbedding, LedgerEntry
from csai_sdk import (
    EmbeddingTraits,
    ModelTraits,
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderRateLimited,
    Usage,
)
from csai_testkit.context import FakeClock
from sqlalchemy import text, update

from tests.support.embedding import VectorProvider, vector_of
from tests.support.server import Server, ServerFactory

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


async def test_what_it_took_is_booked_as_reported(make_server: ServerFactory) -> None:
    provider = VectorProvider(id="scripted", usage=Usage(7))
    server = await make_server(provider, client=OWN, limits={"tokens": 100_000})
    await teach(server)

    await embed(server)

    booked = await server.rows(LedgerEntry)
    assert [(row["provider"], row["model"], row["tokens_input"], row["tokens_output"]) for row in booked] == [
        ("scripted", "vec-1", 7, 0),
        ("scripted", "vec-1", 7, 0),
    ]
    assert not any(row["is_estimated"] for row in booked)
    assert (await server.counters())["tokens"] == (14, 0)


async def test_a_missing_report_is_booked_as_an_estimate_below_what_was_reserved(
    make_server: ServerFactory,
) -> None:
    server = await make_server(VectorProvider(usage=None), client=OWN, limits={"tokens": 100_000})
    await teach(server, DRAFTS[:1])

    await embed(server)

    (row,) = await server.rows(LedgerEntry)
    size = len("Delivery\nIt takes three days.")
    assert row["is_estimated"]
    assert 0 < row["tokens_input"] <= size
    assert (await server.counters())["tokens"] == (row["tokens_input"], 0)


async def test_a_model_that_is_none_is_neither_booked_nor_limited(make_server: ServerFactory) -> None:
    traits = EmbeddingTraits(is_metered=False)
    server = await make_server(VectorProvider(traits=traits), client=OWN, limits={"tokens": 1})
    await teach(server)

    await embed(server)

    assert await counts(server) == (3, 3)
    assert await server.rows(LedgerEntry) == []
    assert await server.counters() == {}


async def test_a_limit_is_never_passed_and_is_waited_for(make_server: ServerFactory) -> None:
    clock = FakeClock()
    provider = VectorProvider()
    server = await make_server(provider, client=OWN, limits={"tokens": 20}, clock=clock)
    await teach(server)

    assert await embed(server) == 0

    assert provider.embedded == []
    row = await state(server)
    assert (row["error"], row["due_at"] > clock.now()) == ("limit_reached", True)
    assert await server.rows(EmbeddingBatch) == []
    clock.advance(3_601)
    await embed(server)
    assert provider.embedded == []


async def test_a_model_without_a_known_price_is_not_called_under_a_limit_of_cost(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    provider._traits = ModelTraits(price_provider="openai")
    server = await make_server(provider, client=OWN, limits={"cost": 1_000_000})
    await teach(server)

    await embed(server)

    assert provider.embedded == []
    assert (await state(server))["error"] == "price_unknown"


@pytest.mark.parametrize(
    ("failure", "code", "wait_s"),
    [
        (ProviderRateLimited("slow down", retry_after_s=90), "rate_limited", 90),
        (ProviderAuthError("no"), "auth_error", 900),
        (ProviderContextTooLong("too long"), "context_too_long", 30),
    ],
)
async def test_a_failure_is_told_and_tried_again_when_that_makes_sense(
    make_server: ServerFactory, failure: ProviderError, code: str, wait_s: float
) -> None:
    clock = FakeClock()
    provider = VectorProvider(failures=[failure])
    server = await make_server(provider, client=OWN, limits={"tokens": 10_000}, clock=clock)
    await teach(server)

    assert await embed(server) == 0

    row = await state(server)
    assert (row["error"], row["failures"]) == (code, 1)
    assert row["due_at"] == clock.now() + timedelta(seconds=wait_s)
    assert await server.rows(LedgerEntry) == []
    assert (await server.counters())["tokens"] == (0, 0)
    clock.advance(wait_s + 1)
    await embed(server)
    assert await counts(server) == (3, 3)
    row = await state(server)
    assert (row["error"], row["failures"]) == (None, 0)


@pytest.mark.parametrize(
    "vectors",
    [[[1.0, 0.0]], [[1.0], [1.0, 0.0]], [[1.0, float("nan")], [1.0, 0.0]], [[], []]],
    ids=["too few", "two lengths", "no number", "empty"],
)
async def test_wrong_vectors_of_a_careless_plugin_are_not_stored(
    make_server: ServerFactory, vectors: list[list[float]]
) -> None:
    provider = VectorProvider()
    provider.vectors = vectors
    server = await make_server(provider, client=OWN)
    await teach(server)

    await embed(server)

    assert await counts(server) == (3, 0)
    assert (await state(server))["error"] == "protocol_error"


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


async def test_what_a_dead_process_left_is_booked_as_an_estimate_and_gone_on_with(
    make_server: ServerFactory,
) -> None:
    clock = FakeClock()
    gate = asyncio.Event()
    provider = VectorProvider(failures=[gate])
    server = await make_server(provider, client=OWN, limits={"tokens": 10_000}, clock=clock)
    await teach(server)
    (client_id,) = await server.services.embeddings.claim()
    running = asyncio.create_task(server.services.embeddings.run_batch(client_id))
    await provider.has_embedded.wait()
    # As after kill -9: the batch's row is all that is left, and it expires.
    reserved = (await server.counters())["tokens"][1]
    assert reserved > 0
    clock.advance(200)

    await embed(server)

    (estimate,) = [row for row in await server.rows(LedgerEntry) if row["is_estimated"]]
    assert 0 < estimate["tokens_input"] <= reserved
    assert await counts(server) == (3, 3)
    used, left = (await server.counters())["tokens"]
    assert (used, left) == (estimate["tokens_input"] + 2 * 7, 0)
    # The dead one was only slow: what its vendor reports takes the estimate's place.
    gate.set()
    await running
    assert (await server.counters())["tokens"] == (3 * 7, 0)
    assert sum(row["tokens_input"] for row in await server.rows(LedgerEntry)) == 3 * 7


async def test_a_client_that_is_switched_off_is_left_alone(make_server: ServerFactory) -> None:
    from csai.models import Client

    provider = VectorProvider()
    server = await make_server(provider, client=OWN)
    await teach(server)
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Client).values(status="suspended"))

    assert await server.services.embeddings.claim() == []


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


async def test_a_batch_given_up_half_way_is_booked_as_an_estimate_and_due_again(
    make_server: ServerFactory,
) -> None:
    """The server stops: what the vendor may have done is paid, and nothing stays set aside."""
    provider = VectorProvider(failures=[asyncio.Event()])
    server = await make_server(provider, client=OWN, limits={"tokens": 10_000})
    await teach(server)
    running = asyncio.create_task(embed(server))
    await provider.has_embedded.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    (estimate,) = await server.rows(LedgerEntry)
    assert estimate["is_estimated"]
    assert (await server.counters())["tokens"] == (estimate["tokens_input"], 0)
    row = await state(server)
    assert (row["error"], row["due_at"] is None) == ("interrupted", False)
    assert await server.rows(EmbeddingBatch) == []


async def test_a_client_that_failed_for_months_is_still_tried(make_server: ServerFactory) -> None:
    provider = VectorProvider(failures=[ProviderRateLimited("slow down")])
    server = await make_server(provider, client=OWN)
    await teach(server)
    async with server.services.database.write() as transaction:
        await transaction.execute(update(KnowledgeEmbedding).values(failures=5_000))

    await embed(server)

    assert (await state(server))["error"] == "rate_limited"
