"""Vendors of embeddings fail in the ways they do: knowledge is embedded in the end, and paid once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import csai_provider_ollama
import csai_provider_openai
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import EmbeddingRepository, KnowledgeRepository
from csai.models import KnowledgeEmbedding, LedgerEntry
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from tests.support.embedding import vector_of
from tests.support.server import Server, ServerFactory

LENGTH = 6
TOKENS = 11
DRAFTS = [PassageDraft("Delivery", "It takes three days."), PassageDraft("Refund", "Within two weeks.")]
MODELS = {"openai": "openai/text-embedding-3-small", "ollama": "ollama/bge-m3"}
FAULTS = {
    "429": "rate_limited",
    "401": "auth_error",
    "500": "unavailable",
    "one too few": "protocol_error",
    "too short": "protocol_error",
}


class Vendor:
    """OpenAI's `/embeddings` and Ollama's `/api/embed`, failing as told, then answering."""

    def __init__(self) -> None:
        self.url = ""
        self.faults: list[str] = []
        self.asked: list[dict[str, Any]] = []

    async def openai(self, request: web.Request) -> web.Response:
        vectors = await self._answer(request)
        data = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        usage = {"prompt_tokens": TOKENS, "total_tokens": TOKENS}
        return web.json_response({"data": data, "model": "text-embedding-3-small", "usage": usage})

    async def ollama(self, request: web.Request) -> web.Response:
        vectors = await self._answer(request)
        return web.json_response({"model": "bge-m3", "embeddings": vectors, "prompt_eval_count": TOKENS})

    async def _answer(self, request: web.Request) -> Sequence[list[float]]:
        asked = await request.json()
        self.asked.append(asked)
        fault = self.faults.pop(0) if self.faults else ""
        if fault.isdigit():
            body = '{"error": {"message": "no"}}'
            kind = {429: web.HTTPTooManyRequests, 401: web.HTTPUnauthorized}.get(
                int(fault), web.HTTPInternalServerError
            )
            raise kind(text=body, headers={"retry-after": "5"}, content_type="application/json")
        vectors = [vector_of(text, asked["dimensions"]) for text in asked["input"]]
        if fault == "one too few":
            return vectors[1:]
        return [vector[:-1] for vector in vectors] if fault == "too short" else vectors


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    state = Vendor()
    app = web.Application()
    app.router.add_post("/embeddings", state.openai)
    app.router.add_post("/api/embed", state.ollama)
    async with TestServer(app) as running:
        state.url = str(running.make_url("")).rstrip("/")
        yield state


@pytest.mark.parametrize("name", MODELS)
async def test_every_fault_is_told_and_got_over_and_only_the_answer_is_paid(
    name: str, vendor: Vendor, make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (
        ("OPENAI_BASE_URL", vendor.url),
        ("OPENAI_API_KEY", "sk-1"),
        ("OLLAMA_HOST", vendor.url),
    ):
        monkeypatch.setenv(variable, value)
    clock = FakeClock()
    provider = ScriptedProvider(["Hello!"], is_endless=True)
    server = await make_server(
        provider,
        plugins={"openai": csai_provider_openai, "ollama": csai_provider_ollama},
        client={"settings": {"embeddings": {"model": MODELS[name], "dimensions": LENGTH}}},
        limits={"tokens": 100_000, "cost": 1_000_000},
        clock=clock,
    )
    await teach(server)
    vendor.faults = list(FAULTS)

    seen = []
    for _ in FAULTS:
        await embed(server)
        (state,) = await server.rows(KnowledgeEmbedding)
        seen.append(state["error"])
        clock.advance(3_601)
    await embed(server)

    assert seen == list(FAULTS.values())
    async with server.services.database.read() as connection:
        repository = EmbeddingRepository(connection, server.client.id)
        assert await repository.counts(f"{MODELS[name]}@{LENGTH}") == (2, 2)
    booked = await server.rows(LedgerEntry)
    reported = [row for row in booked if not row["is_estimated"]]
    assert {(row["provider"], row["tokens_input"]) for row in reported} == {(name, TOKENS)}
    used, held = (await server.counters())["tokens"]
    assert (used, held) == (sum(row["tokens_input"] for row in booked), 0)

    said = (await server.say("When does my parcel get here?")).json()

    assert said["status"] == "completed"
    assert provider.requests[-1].passages[0].title == "Delivery"
    (question,) = [
        row for row in await server.rows(LedgerEntry, turn_id=said["turn_id"]) if row["provider"] == name
    ]
    assert (question["tokens_input"], question["is_estimated"]) == (TOKENS, False)
    assert vendor.asked[-1]["input"] == ["When does my parcel get here?"]


async def teach(server: Server) -> None:
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).add(DRAFTS, at=server.services.clock.now())
        await ClientRepository(transaction, server.client.id).bump()


async def embed(server: Server) -> None:
    for client_id in await server.services.embeddings.claim():
        while await server.services.embeddings.run_batch(client_id) == "more":
            pass
