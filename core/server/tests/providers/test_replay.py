"""Past decisions are made again under another threshold, with what that would have cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from csai.knowledge.ingest import PassageDraft
from csai.models import Turn
from csai_sdk import EmbeddingTraits, ModelRequest, ModelTraits
from csai_testkit.scripted import ScriptedProvider, Step
from sqlalchemy import update

from tests.support.embedding import VectorProvider, teach
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

PRICES = {
    "vendor:small": {"input": "1", "output": "1"},
    "vendor:large": {"input": "10", "output": "10"},
}
EACH = 15
"""Tokens of a call of the scripted provider."""
HARDER = "The lamp came broken. What now? And who pays? Order 1, 2, 3."


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    """A client that asked one simple and one harder question."""
    server = await make_server(
        ScriptedProvider(["Yes."], is_endless=True, traits=ModelTraits(price_provider="vendor")),
        client={
            "settings": {
                "chain": ["scripted/large"],
                "routing": {"simple": ["scripted/small"], "threshold": 30},
            }
        },
        price_overrides=PRICES,
    )
    await server.say("When do you open?")
    await server.say(HARDER)
    return server


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def replayed(operator: Operator, **query: Any) -> Any:
    return await operator.get(f"/admin/clients/{operator.server.client.id}/routing/replay", **query)


def usd(tokens: int, rate: int) -> Decimal:
    return Decimal(tokens * rate) / 1_000_000


async def test_the_threshold_of_then_comes_to_what_was(operator: Operator) -> None:
    result = await replayed(operator)
    assert (result["turns"], result["threshold"], result["unpriced"]) == (2, 30, 0)
    assert result["simple_before"] == result["simple_after"] == {"turns": 1, "share": 0.5}
    assert result["to_simple"]["turns"] == result["to_chain"]["turns"] == 0
    assert Decimal(result["cost_before"]) == Decimal(result["cost_after"]) == usd(EACH, 1) + usd(EACH, 10)
    assert sum(band["turns"] for band in result["bands"]) == 2


async def test_a_higher_one_sends_more_to_the_cheaper_model_and_a_lower_one_less(operator: Operator) -> None:
    higher, lower = await replayed(operator, threshold=100), await replayed(operator, threshold=0)
    assert (higher["simple_after"]["share"], higher["to_simple"]["turns"]) == (1.0, 1)
    assert Decimal(higher["cost_after"]) == 2 * usd(EACH, 1)
    assert (lower["simple_after"]["turns"], lower["to_chain"]["turns"]) == (0, 1)
    assert Decimal(lower["cost_after"]) == 2 * usd(EACH, 10)


async def test_what_was_said_in_vain_would_not_have_been_said(make_server: ServerFactory) -> None:
    def play(request: ModelRequest) -> list[Step]:
        return [""] if request.model == "small" else ["Yes."]

    own = {"chain": ["scripted/large"], "routing": {"simple": ["scripted/small"], "threshold": 30}}
    server = await make_server(
        ScriptedProvider(play, is_endless=True, traits=ModelTraits(price_provider="vendor")),
        client={"settings": own},
        price_overrides=PRICES,
    )
    await server.say("When do you open?")
    operator = await sign_in(server)
    lower = await replayed(operator, threshold=0)
    assert Decimal(lower["cost_before"]) == usd(EACH, 1) + usd(EACH, 10)
    assert Decimal(lower["cost_after"]) == usd(EACH, 10)


async def test_another_model_is_priced_in_the_cheaper_ones_place(operator: Operator) -> None:
    dear = await replayed(operator, simple="scripted/large")
    unknown = await replayed(operator, simple="scripted/nobody-knows")
    assert Decimal(dear["cost_after"]) == 2 * usd(EACH, 10)
    assert (unknown["unpriced"], unknown["cost_after"]) == (1, unknown["cost_before"])


async def test_the_vector_of_a_question_is_no_call_that_another_model_would_have_answered(
    make_server: ServerFactory,
) -> None:
    provider = VectorProvider(traits=EmbeddingTraits(min_similarity=0.3))
    provider._traits = ModelTraits(price_provider="vendor")
    routing = {"simple": ["scripted/small"], "threshold": 30}
    own = {"chain": ["scripted/large"], "routing": routing, "embeddings": {"model": "scripted/vec-1"}}
    vectors_cost = {"vendor:vec-1": {"input": "1000", "output": "0"}}
    server = await make_server(
        provider, client={"settings": own}, price_overrides=PRICES | vectors_cost, limits={"tokens": 10**6}
    )
    await teach(server, [PassageDraft("Delivery", "It takes three days.")])
    await server.say("When does my parcel get here?")
    await server.say(HARDER)
    assert len(provider.texts("question")) == 2
    operator = await sign_in(server)

    same, higher = await replayed(operator), await replayed(operator, threshold=100)
    lower, dear = await replayed(operator, threshold=0), await replayed(operator, simple="scripted/large")

    assert [row["routing"]["simple_calls"] for row in await server.rows(Turn)] == [1, 0]
    assert Decimal(same["cost_before"]) == Decimal(same["cost_after"]) == usd(EACH, 1) + usd(EACH, 10)
    assert Decimal(higher["cost_after"]) == 2 * usd(EACH, 1)
    assert Decimal(lower["cost_after"]) == Decimal(dear["cost_after"]) == 2 * usd(EACH, 10)


async def test_what_other_rules_judged_is_left_out(server: Server, operator: Operator) -> None:
    (first, _second) = await server.rows(Turn)
    async with server.services.database.write() as transaction:
        older = {**first["routing"], "rules": 0}
        await transaction.execute(update(Turn).where(Turn.id == first["id"]).values(routing=older))
    result = await replayed(operator)
    assert (result["turns"], result["other_rules"]) == (1, 1)


async def test_decisions_are_read_page_by_page(server: Server, operator: Operator) -> None:
    path = f"/admin/clients/{server.client.id}/routing/decisions"
    first = await operator.get(path, count=1)
    second = await operator.get(path, count=1, before=first["next"])
    assert [page["decisions"][0]["chosen"] for page in (first, second)] == ["chain", "simple"]
    assert second["next"] is None
    assert first["decisions"][0]["features"]["numbers"] == 3
    refused = await operator.ask("GET", path, params={"before": "yesterday"})
    assert refused.status_code == 422


async def test_another_clients_decisions_are_not_found(server: Server, operator: Operator) -> None:
    other = await server.add_client()
    assert (await operator.get(f"/admin/clients/{other.id}/routing/decisions"))["decisions"] == []
    assert (await operator.get(f"/admin/clients/{other.id}/routing/replay"))["turns"] == 0
    for name in ("nobody", "01890000-0000-7000-8000-000000000000"):
        for what in ("decisions", "replay"):
            answer = await operator.ask("GET", f"/admin/clients/{name}/routing/{what}")
            assert answer.status_code == 404
