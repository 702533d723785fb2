"""A model that fails is tried again when that makes sense, and nothing wrong is stored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from csai.models import KnowledgeEmbedding, LedgerEntry
from csai_sdk import ProviderAuthError, ProviderContextTooLong, ProviderError, ProviderRateLimited
from csai_testkit.context import FakeClock
from sqlalchemy import update

from core.server.tests.knowledge.embedded import OWN, counts, embed, state, teach
from tests.support.embedding import VectorProvider
from tests.support.server import ServerFactory


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


async def test_a_client_that_is_switched_off_is_left_alone(make_server: ServerFactory) -> None:
    from csai.models import Client

    provider = VectorProvider()
    server = await make_server(provider, client=OWN)
    await teach(server)
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Client).values(status="suspended"))

    assert await server.services.embeddings.claim() == []


async def test_a_client_that_failed_for_months_is_still_tried(make_server: ServerFactory) -> None:
    provider = VectorProvider(failures=[ProviderRateLimited("slow down")])
    server = await make_server(provider, client=OWN)
    await teach(server)
    async with server.services.database.write() as transaction:
        await transaction.execute(update(KnowledgeEmbedding).values(failures=5_000))

    await embed(server)

    assert (await state(server))["error"] == "rate_limited"
