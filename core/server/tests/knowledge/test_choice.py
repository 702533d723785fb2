"""An admin chooses what makes vectors of a client's knowledge, within what its plan allows."""

from __future__ import annotations

from typing import Any

import pytest
from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai.models import AuditEntry, KnowledgeEmbedding
from csai_sdk import EmbeddingTraits, ProviderAuthError
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from tests.support.embedding import VectorProvider
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory


class Mute(ScriptedProvider):
    """Has no embeddings."""

    def __init__(self) -> None:
        super().__init__(["Hi."], id="mute", is_endless=True)


@pytest.fixture
def provider() -> VectorProvider:
    return VectorProvider()


@pytest.fixture
async def server(make_server: ServerFactory, provider: VectorProvider) -> Server:
    server = await make_server(provider, Mute(), embeddings="off")
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, server.client.id).add(
            [PassageDraft("Delivery", "Three days."), PassageDraft("Refund", "Two weeks.")],
            at=server.services.clock.now(),
        )
        await ClientRepository(transaction, server.client.id).bump()
    return server


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


def path_of(server: Server) -> str:
    return f"/admin/clients/{server.client.id}/embeddings"


async def put(operator: Operator, if_match: str = "*", **body: Any) -> Any:
    path = path_of(operator.server)
    return await operator.ask("PUT", path, json=body, headers={"If-Match": if_match})


async def work(server: Server) -> None:
    for client_id in await server.services.embeddings.claim():
        while await server.services.embeddings.run_batch(client_id) == "more":
            pass


async def test_a_choice_is_told_with_its_progress_and_audited(server: Server, operator: Operator) -> None:
    await work(server)
    before = await operator.get(path_of(server))
    assert (before["source"], before["using"], before["is_complete"]) == ("installation", None, True)

    chosen = await put(operator, model="scripted", dimensions=6)

    assert chosen.status_code == 200, chosen.text
    assert chosen.json() | {"retry_at": None} == {
        "model": "scripted/vec-1",
        "dimensions": 6,
        "min_similarity": 0.3,
        "source": "client",
        "using": "scripted/vec-1@6",
        "reason": None,
        "passages": 2,
        "embedded": 0,
        "given_up": 0,
        "latest_given_up": [],
        "is_complete": False,
        "error": None,
        "retry_at": None,
    }
    await work(server)
    after = await operator.get(path_of(server))
    assert (after["embedded"], after["is_complete"]) == (2, True)
    (entry,) = await server.rows(AuditEntry, action="client.embeddings_set")
    assert (entry["before"], entry["after"]) == ({}, {"model": "scripted/vec-1", "dimensions": 6})


async def test_a_change_on_what_was_read_before_is_refused(server: Server, operator: Operator) -> None:
    read = await operator.ask("GET", path_of(server))
    first = await put(operator, read.headers["ETag"], model="scripted")
    second = await put(operator, read.headers["ETag"], model="off")
    missing = await operator.ask("PUT", path_of(server), json={"model": "off"})
    assert (first.status_code, second.status_code, missing.status_code) == (200, 412, 428)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": "nobody/x"}, "embeddings_unknown"),
        ({"model": "mute"}, "embeddings_unknown"),
        ({"model": "scripted/a\nb"}, "model_invalid"),
        ({"model": "scripted/" + "x" * 201}, "model_invalid"),
        ({"model": "off", "dimensions": 6}, "dimensions_invalid"),
        ({"dimensions": 6}, "dimensions_invalid"),
        ({"min_similarity": 0.4}, "similarity_invalid"),
        ({"model": "off", "min_similarity": 0.4}, "similarity_invalid"),
        ({"model": "scripted", "min_similarity": 1.1}, "request_invalid"),
        ({"model": "scripted", "dimensions": 0}, "request_invalid"),
        ({"model": "scripted", "dimensions": 4_001}, "request_invalid"),
        ({"model": "scripted", "more": 1}, "request_invalid"),
    ],
)
async def test_a_choice_that_cannot_be_is_refused(
    server: Server, operator: Operator, body: dict[str, Any], code: str
) -> None:
    refused = await put(operator, **body)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text


async def test_a_length_is_refused_where_the_model_has_one_only(
    server: Server, operator: Operator, provider: VectorProvider
) -> None:
    provider.embedding = EmbeddingTraits(dimensions=4)
    assert (await put(operator, model="scripted", dimensions=4)).status_code == 200
    assert (await put(operator, model="scripted", dimensions=3)).json()["code"] == "dimensions_invalid"
    provider.embedding = EmbeddingTraits(dimensions=4, can_shorten=True)
    assert (await put(operator, model="scripted", dimensions=3)).status_code == 200
    assert (await put(operator, model="scripted", dimensions=5)).json()["code"] == "dimensions_invalid"


async def test_a_plan_says_which_models_may_embed(server: Server, operator: Operator) -> None:
    await put(operator, model="scripted/vec-2")
    plan = "/admin/plans/default/providers"
    body = {"models": ["scripted/vec-1", "scripted/scripted*"]}
    changed = await operator.ask("PUT", plan, json=body, headers={"If-Match": "*"})
    assert changed.status_code == 200, changed.text

    state = await operator.get(path_of(server))
    assert (state["using"], "does not allow" in state["reason"]) == (None, True)
    assert (await put(operator, model="scripted/vec-3")).json()["code"] == "model_not_allowed"
    assert (await put(operator, model="scripted")).json()["using"] == "scripted/vec-1"


async def test_vectors_are_made_anew_when_an_admin_asks_for_it(
    server: Server, operator: Operator, provider: VectorProvider
) -> None:
    await put(operator, model="scripted")
    await work(server)

    again = await operator.ask("POST", f"{path_of(server)}/again")

    assert (again.status_code, again.json()["embedded"]) == (202, 0)
    await work(server)
    assert len(provider.texts("passage")) == 4
    assert len(await server.rows(AuditEntry, action="client.embedded_again")) == 1


async def test_a_failure_is_told_without_the_vendors_words(
    server: Server, operator: Operator, provider: VectorProvider
) -> None:
    provider.failures.append(ProviderAuthError("sk-1 is wrong"))
    await put(operator, model="scripted")

    await work(server)

    state = await operator.get(path_of(server))
    assert state["error"] == "auth_error"
    assert state["retry_at"]
    assert "sk-1" not in str(state)


async def test_an_unknown_client_is_not_found(server: Server, operator: Operator) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("POST", "/again")):
        answer = await operator.ask(
            method,
            f"/admin/clients/0190a0b0-0000-7000-8000-000000000000/embeddings{path}",
            json={"model": "off"},
            headers={"If-Match": "*"},
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text


async def test_a_model_that_comes_into_use_by_itself_is_noticed(make_server: ServerFactory) -> None:
    """The installation's default changed, or a plugin was given its key."""
    provider = VectorProvider()
    server = await make_server(provider, embeddings="scripted", clock=FakeClock())
    client_id = server.client.id
    assert await server.services.embeddings.look_after(client_id) == {"is_due": False}
    async with server.services.database.write() as transaction:
        await KnowledgeRepository(transaction, client_id).add(
            [PassageDraft("Delivery", "Three days.")], at=server.services.clock.now()
        )
    await work(server)
    assert await server.services.embeddings.look_after(client_id) == {"is_due": False}

    async with server.services.database.write() as transaction:
        await ClientRepository(transaction, client_id).update_settings(
            {"provider": "scripted", "embeddings": {"model": "scripted/vec-2"}}
        )

    assert await server.services.embeddings.look_after(client_id) == {"is_due": True}
    await work(server)
    (state,) = await server.rows(KnowledgeEmbedding)
    assert state["model"] == "scripted/vec-2"
