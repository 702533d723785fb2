"""Texts that a model refuses are tried alone, after all others, and given up where an admin sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.refusal import MOST_REFUSALS, MOST_TRIES
from csai.models import EmbeddingRefusal, KnowledgeEmbedding, LedgerEntry
from csai_sdk import (
    EmbeddingRequest,
    Embeddings,
    EmbeddingTraits,
    PluginContext,
    ProviderAuthError,
    ProviderContextTooLong,
    ProviderError,
    ProviderRequestError,
    ProviderUnavailable,
)
from csai_testkit.context import FakeClock

from tests.support.embedding import VectorProvider, teach
from tests.support.operator import sign_in
from tests.support.server import Server, ServerFactory

OWN = {"settings": {"embeddings": {"model": "scripted/vec-1"}}}
POISON = PassageDraft("Poison", "The model does not take this.")
OTHERS = [PassageDraft(f"Passage {number}", f"Delivery takes {number} days.") for number in range(5)]


class Choosy(VectorProvider):
    """Refuses what has a text that it does not take."""

    def __init__(self, takes: Callable[[str], bool], failure: ProviderError) -> None:
        super().__init__(traits=EmbeddingTraits(max_batch=4, can_shorten=True, min_similarity=0.3))
        self._takes = takes
        self._failure = failure

    async def embed(self, request: EmbeddingRequest, ctx: PluginContext) -> Embeddings:
        if not all(map(self._takes, request.texts)):
            self.embedded.append(request)
            raise self._failure
        return await super().embed(request, ctx)


def poisoned(failure: ProviderError) -> Choosy:
    return Choosy(lambda text: "Poison" not in text, failure)


async def serve(make_server: ServerFactory, provider: VectorProvider, *, waits: int) -> Server:
    """A client taught the refused text first, after so many times that work was due."""
    server = await make_server(provider, client=OWN, clock=FakeClock())
    await teach(server, [POISON, *OTHERS])
    await work(server, waits=waits)
    return server


async def work(server: Server, *, waits: int) -> None:
    for _ in range(waits):
        server.services.clock.advance(3_700)  # type: ignore[attr-defined]
        for client_id in await server.services.embeddings.claim():
            while await server.services.embeddings.run_batch(client_id) == "more":
                pass


async def told(server: Server, **ask: Any) -> Any:
    operator = await sign_in(server)
    return await operator.get(f"/admin/clients/{server.client.id}/embeddings", **ask)


async def test_a_text_that_is_always_refused_holds_up_no_other_and_is_given_up(
    make_server: ServerFactory,
) -> None:
    provider = poisoned(ProviderRequestError("no"))
    server = await serve(make_server, provider, waits=12)

    state = await told(server)

    assert (state["passages"], state["embedded"], state["given_up"]) == (6, 5, 1)
    (given_up,) = state["latest_given_up"]
    assert (given_up["title"], given_up["error"], given_up["tries"]) == (
        "Poison",
        "request_error",
        MOST_REFUSALS,
    )
    assert (state["is_complete"], state["error"], state["retry_at"]) == (True, None, None)
    calls = len(provider.embedded)
    await work(server, waits=3)
    assert len(provider.embedded) == calls
    assert not any(row["is_estimated"] for row in await server.rows(LedgerEntry))


async def test_what_is_taught_later_does_not_wait_behind_a_refused_text(make_server: ServerFactory) -> None:
    provider = poisoned(ProviderUnavailable("no", status=500))
    server = await serve(make_server, provider, waits=5)

    await teach(server, [PassageDraft("Refund", "Within two weeks.")])

    state = await told(server)
    assert (state["embedded"], state["given_up"], state["is_complete"]) == (6, 0, False)
    assert state["retry_at"]
    await work(server, waits=MOST_TRIES)
    assert (await told_again(server))["given_up"] == 1


async def told_again(server: Server) -> Any:
    operator = await sign_in(server, email="again@example.com")
    return await operator.get(f"/admin/clients/{server.client.id}/embeddings")


@pytest.mark.parametrize(
    "failure", [ProviderRequestError("no such model"), ProviderAuthError("no"), ProviderUnavailable("away")]
)
async def test_where_all_texts_are_refused_none_is_given_up(
    make_server: ServerFactory, failure: ProviderError
) -> None:
    provider = Choosy(lambda _text: False, failure)
    server = await serve(make_server, provider, waits=3 * MOST_REFUSALS * len(OTHERS))

    state = await told(server)

    assert (state["embedded"], state["given_up"], state["is_complete"]) == (0, 0, False)
    assert state["error"]
    assert state["retry_at"]


async def test_an_account_that_fails_later_gives_up_no_text(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await make_server(provider, client=OWN, clock=FakeClock())
    await teach(server, OTHERS)
    provider.failures = [ProviderAuthError("no")] * 30

    await teach(server, [POISON])
    await work(server, waits=28)

    assert await server.rows(EmbeddingRefusal) == []
    await work(server, waits=2)
    assert (await told(server))["is_complete"] is True


async def test_a_text_that_is_too_long_is_sent_shorter_and_the_others_whole(
    make_server: ServerFactory,
) -> None:
    provider = Choosy(lambda text: len(text) < 500, ProviderContextTooLong("too long"))
    server = await make_server(provider, client=OWN, clock=FakeClock())
    await teach(server, [PassageDraft("Long", "delivery " * 130), *OTHERS])

    await work(server, waits=6)

    state = await told(server)
    assert (state["embedded"], state["given_up"]) == (6, 0)
    taken = [text for each in provider.embedded for text in each.texts if len(text) < 500]
    assert {f"{each.title}\n{each.content}" for each in OTHERS} <= set(taken)
    assert await server.rows(EmbeddingRefusal) == []


async def test_what_was_given_up_is_tried_again_when_an_admin_asks_for_it(make_server: ServerFactory) -> None:
    provider = poisoned(ProviderRequestError("no"))
    server = await serve(make_server, provider, waits=12)
    provider._takes = lambda _text: True
    operator = await sign_in(server)

    again = await operator.ask("POST", f"/admin/clients/{server.client.id}/embeddings/again")
    await work(server, waits=1)

    assert again.json()["given_up"] == 0
    assert (await told_again(server))["embedded"] == 6


async def test_vectors_of_another_length_are_paid_and_not_mixed_in(make_server: ServerFactory) -> None:
    """Another model answers under the same name: a server was upgraded, or another was put in its place."""
    provider = VectorProvider()
    server = await make_server(provider, client=OWN, clock=FakeClock())
    await teach(server, OTHERS)
    before = len(await server.rows(LedgerEntry))
    provider.vectors = [[1.0, 0.0]]

    await teach(server, [PassageDraft("Refund", "Within two weeks.")])

    state = await told(server)
    assert (state["embedded"], state["error"]) == (5, "length_changed")
    assert len(await server.rows(LedgerEntry)) == before + 1
    operator = await sign_in(server, email="other@example.com")
    await operator.ask("POST", f"/admin/clients/{server.client.id}/embeddings/again")
    provider.vectors = None
    await work(server, waits=1)
    assert (await told_again(server))["embedded"] == 6
    (row,) = await server.rows(KnowledgeEmbedding)
    assert row["dimensions"] == 4
