"""What of a client's knowledge a model is shown: found by words and vectors, by words when in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai.models import LedgerEntry, Turn
from csai_sdk import (
    EmbeddingTraits,
    ProviderAuthError,
    ProviderRequestError,
    ProviderUnavailable,
    Usage,
)
from csai_testkit.context import FakeClock
from structlog.testing import capture_logs

from tests.support.embedding import VectorProvider, teach
from tests.support.server import Server, ServerFactory

OWN = {"settings": {"embeddings": {"model": "scripted/vec-1"}}}
DRAFTS = [
    PassageDraft("Delivery", "It takes three days."),
    PassageDraft("Refund", "Within two weeks."),
    PassageDraft("Opening hours", "From nine to five."),
]
PARAPHRASE = "When does my parcel get here?"
"""It shares no word with the passage that answers it."""


async def taught(server: Server, drafts: Sequence[PassageDraft] = DRAFTS) -> Server:
    await teach(server, drafts)
    return server


async def shown(server: Server, provider: VectorProvider, question: str, **more: Any) -> list[str]:
    """The titles of the passages that the model was shown."""
    answered = await server.say(question, **more)
    assert answered.json()["status"] == "completed", answered.text
    return [passage.title for passage in provider.requests[-1].passages]


async def test_a_question_in_other_words_finds_what_answers_it(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))

    assert await shown(server, provider, PARAPHRASE) == ["Delivery"]


async def test_words_find_what_vectors_do_not(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))

    assert await shown(server, provider, "Something within weeks") == ["Refund"]


async def test_what_both_find_comes_first(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    drafts = [*DRAFTS, PassageDraft("Parcel sizes", "Three days of notice for a parcel above two metres.")]
    server = await taught(await make_server(provider, client=OWN), drafts)

    found = await shown(server, provider, "How many days until the delivery?")

    assert found[0] == "Delivery"
    assert set(found) == {"Delivery", "Parcel sizes"}


async def test_a_question_about_nothing_known_finds_nothing(make_server: ServerFactory) -> None:
    provider = VectorProvider(traits=EmbeddingTraits(min_similarity=0.3))
    server = await taught(await make_server(provider, client=OWN))

    assert await shown(server, provider, "Blorp?") == []


async def test_a_client_says_itself_what_has_nothing_to_do_with_a_question(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider(traits=EmbeddingTraits(min_similarity=0.0))
    server = await taught(await make_server(provider, client=OWN))
    assert set(await shown(server, provider, "Blorp?")) == {each.title for each in DRAFTS}
    chosen = {"model": "scripted/vec-1", "min_similarity": 0.4}
    async with server.services.database.write() as transaction:
        clients = ClientRepository(transaction, server.client.id)
        await clients.update_settings({**(await clients.get()).settings, "embeddings": chosen})

    assert await shown(server, provider, "Blorp?") == []
    assert await shown(server, provider, PARAPHRASE) == ["Delivery"]


async def test_a_question_whose_vector_has_another_length_is_answered_by_words(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))
    provider.vectors = [[1.0, 0.0]]

    with capture_logs() as logged:
        assert await shown(server, provider, "Which weeks for a refund?") == ["Refund"]

    assert any("another length" in each["event"] for each in logged)


@pytest.mark.parametrize("failure", [ProviderUnavailable("away"), ProviderAuthError("no")])
async def test_an_embedding_that_fails_leaves_the_words_and_is_left_alone_for_a_while(
    make_server: ServerFactory, failure: Exception
) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))
    provider.failures.append(failure)  # type: ignore[arg-type]

    assert await shown(server, provider, "Which weeks for a refund?") == ["Refund"]
    assert await shown(server, provider, "Which weeks for your refund?") == ["Refund"]

    assert len(provider.texts("question")) == 1
    rows = await server.rows(LedgerEntry)
    assert not any(row["is_estimated"] for row in rows)


async def test_a_question_that_the_vendor_refuses_takes_no_vectors_from_the_next(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))
    provider.failures.append(ProviderRequestError("not this"))

    assert await shown(server, provider, "Which weeks for a refund?") == ["Refund"]
    assert await shown(server, provider, PARAPHRASE) == ["Delivery"]


async def test_an_embedding_that_is_late_leaves_the_words(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN, question_embedding_s=0.05))
    provider.failures.append(asyncio.Event())

    assert await shown(server, provider, "Which weeks for a refund?") == ["Refund"]

    # The vendor may have worked: it is booked as an estimate.
    (late,) = [row for row in await server.rows(LedgerEntry) if row["is_estimated"]]
    assert (late["model"], late["tokens_output"]) == ("vec-1", 0)


async def test_a_plugin_that_breaks_leaves_the_words(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))
    provider.vectors = [["nonsense"]]  # type: ignore[list-item]

    assert await shown(server, provider, "Which weeks for a refund?") == ["Refund"]


async def test_the_same_question_is_embedded_once(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))

    assert await shown(server, provider, PARAPHRASE) == await shown(server, provider, PARAPHRASE)

    assert provider.texts("question") == [PARAPHRASE]


async def test_two_clients_share_no_question(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN))
    first = server.client
    server.client = await server.add_client(name="Other", settings=OWN["settings"] | {"provider": "scripted"})
    await taught(server, [PassageDraft("Their delivery", "Never.")])

    assert await shown(server, provider, PARAPHRASE) == ["Their delivery"]
    assert await shown(server, provider, PARAPHRASE, client=first) == ["Delivery"]

    assert provider.texts("question") == [PARAPHRASE, PARAPHRASE]


async def test_a_questions_vector_is_booked_with_its_turn(make_server: ServerFactory) -> None:
    provider = VectorProvider(usage=Usage(3))
    server = await make_server(provider, client=OWN, limits={"tokens": 1_000_000})
    await taught(server)
    before = (await server.counters())["tokens"][0]

    answered = (await server.say(PARAPHRASE)).json()

    booked = await server.rows(LedgerEntry, turn_id=answered["turn_id"])
    assert [
        (row["model"], row["tokens_input"]) for row in sorted(booked, key=lambda row: row["attempt"])
    ] == [
        ("vec-1", 3),
        ("scripted-1", 10),
    ]
    assert answered["usage"]["tokens_input"] == 13
    assert (await server.counters())["tokens"] == (before + 3 + 10 + 5, 0)


async def test_a_question_that_the_plan_has_no_room_for_is_not_embedded(make_server: ServerFactory) -> None:
    provider = VectorProvider(traits=EmbeddingTraits(max_batch=8, min_similarity=0.3), usage=Usage(1))
    server = await make_server(provider, client=OWN, limits={"tokens": 1_000})
    await taught(server, DRAFTS[1:2])
    question = "Which weeks for a refund? " + "x" * 1_500

    answered = await server.say(question)

    assert answered.json()["status"] == "blocked"
    assert provider.texts("question") == []


async def test_a_client_without_knowledge_or_vectors_embeds_no_question(make_server: ServerFactory) -> None:
    provider = VectorProvider()
    server = await make_server(provider, client=OWN)
    await shown(server, provider, PARAPHRASE)
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).add(DRAFTS, at=server.services.clock.now())
        await ClientRepository(transaction, server.client.id).bump()

    assert await shown(server, provider, "Which weeks for a refund?") == ["Refund"]

    assert provider.texts("question") == []


async def test_an_answer_found_by_vectors_is_given_again_from_the_response_cache(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    server = await taught(await make_server(provider, client=OWN, response_cache_s=300))

    for _ in range(2):
        answered = await server.say(PARAPHRASE)
        assert answered.json()["status"] == "completed"

    assert len(provider.requests) == 1


async def test_how_hard_a_question_is_does_not_depend_on_whether_its_vector_came_in_time(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider()
    routing = {"simple": ["scripted/small"], "threshold": 30}
    own = {"settings": {"embeddings": {"model": "scripted/vec-1"}, "routing": routing}}
    server = await taught(await make_server(provider, client=own))
    for question in (PARAPHRASE, "Is a refund weeks away?"):
        await server.say(question)
    provider.failures.append(ProviderUnavailable("away"))
    await server.say(PARAPHRASE.replace("my", "our"))

    kept = [row["routing"] for row in await server.rows(Turn)]

    by_vector, by_words, late = (each["features"]["best_passage"] for each in kept)
    assert (by_vector, late) == (0, 0)
    assert 0 < by_words < 100
    assert kept[0]["difficulty"] == kept[2]["difficulty"]


async def test_a_turn_that_dies_while_embedding_has_its_vectors_use_noted(make_server: ServerFactory) -> None:
    clock = FakeClock()
    provider = VectorProvider()
    server = await make_server(provider, client=OWN, limits={"tokens": 1_000_000}, clock=clock)
    await taught(server)
    gate = asyncio.Event()
    provider.failures.append(gate)

    asking = asyncio.create_task(server.say(PARAPHRASE))
    await provider.is_asked.wait()
    (turn,) = await server.rows(Turn)
    gate.set()
    await asking

    assert turn["attempts"]["under_way"]["model"] == "vec-1"
