"""What vectors cost is booked once, and kept within the client's limits."""

from __future__ import annotations

import asyncio

import pytest
from csai.models import EmbeddingBatch, LedgerEntry
from csai_sdk import EmbeddingTraits, ModelTraits, Usage
from csai_testkit.context import FakeClock

from core.server.tests.knowledge.embedded import DRAFTS, OWN, counts, embed, state, teach
from tests.support.embedding import VectorProvider
from tests.support.server import ServerFactory


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
