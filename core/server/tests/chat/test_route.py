"""Simple questions go to a cheaper model, and come back to the chain when it does not do."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from csai.models import LedgerEntry, Turn
from csai.usage.rollup import roll_up
from csai_sdk import AssistantMessage, ModelTraits, ProviderError, ToolCall, ToolMessage, Usage, tool
from csai_testkit.scripted import Reasoning, ScriptedProvider, Step, Stop

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory, sse_events

HARD = (
    "I ordered 2 lamps on 3 May and 4 more on 7 May. Two came broken. One never came! What can you do? "
    "Will you refund both, or send others? And when would they come?\nThe orders are 10411 and 10412."
)


@tool(read_only=True)
def look_up(order: str) -> str:
    """Look an order up."""
    return f"Order {order} is on its way."


@tool(read_only=True, confirm=True)
def reveal(order: str) -> str:
    """Read what the visitor has to agree to."""
    raise AssertionError("a model for simple questions asked for the visitor's word")


@tool()
def cancel(order: str) -> str:
    """Cancel an order."""
    raise AssertionError("a model for simple questions cancelled an order")


class Models:
    """What the small and the large model say; which of them was asked, in order."""

    def __init__(self, small: list[Step], large: list[Step] | None = None) -> None:
        self._says = {"small": small, "large": large or ["From the large one."]}
        self.provider = ScriptedProvider(self._play, is_endless=True)

    @property
    def asked(self) -> list[str]:
        return [request.model for request in self.provider.requests]

    def _play(self, request: Any) -> list[Step]:
        if isinstance(request.messages[-1], ToolMessage):
            return [f"Looked up by the {request.model} one."]
        return self._says[request.model]


async def routed(
    make_server: ServerFactory, models: Models, *, threshold: int = 30, **options: Any
) -> Server:
    routing = {"simple": ["scripted/small"], "threshold": threshold}
    chosen = {"chain": ["scripted/large"], "routing": routing}
    return await make_server(models.provider, client={"settings": chosen}, model_retries=0, **options)


async def decisions(server: Server) -> list[Any]:
    return [row["routing"] for row in await server.rows(Turn)]


async def test_a_simple_question_is_answered_by_the_cheaper_model_and_a_hard_one_by_the_chain(
    make_server: ServerFactory,
) -> None:
    models = Models(["From the small one."])
    server = await routed(make_server, models)
    simple = (await server.say("When do you open?")).json()
    hard = (await server.say(HARD)).json()
    assert simple["message"]["content"] == "From the small one."
    assert hard["message"]["content"] == "From the large one."
    first, second = await decisions(server)
    assert (first["chosen"], second["chosen"]) == ("simple", "chain")
    assert first["difficulty"] < first["threshold"] == 30 <= second["difficulty"]
    assert (first["simple"], first["chain"]) == ("scripted/small", "scripted/large")
    assert (first["escalation"], first["simple_calls"], second["simple_calls"]) == (None, 1, 0)


DEAR = {"input": 10, "output": 10}
CHEAP = {"input": 1, "output": 1}


@pytest.mark.parametrize(
    ("says", "saved"),
    [
        ([["Small.", Usage(1_000, 100)]], 9 * 1_100),
        # Withdrawn: what it cost was in vain.
        ([["", Usage(1_000, 0)]], -1_000),
        # The chain reads what was looked up, and would have asked for it itself.
        ([[ToolCall("c1", "look_up", {"order": "7"}), Usage(1_000, 100)]], 9 * 1_100),
    ],
)
async def test_what_the_cheaper_model_took_off_is_added_up_by_day(
    make_server: ServerFactory, says: list[list[Step]], saved: int
) -> None:
    models = Models(says[0], ["Large.", Usage(1_000, 100)])
    server = await routed(make_server, models, tools=[look_up])
    services, operator = server.services, await sign_in(server)
    for model, price in (("small", CHEAP), ("large", DEAR)):
        path = f"/admin/models/scripted/{model}/price"
        put = await operator.ask("PUT", path, json=price, headers={"If-Match": "*"})
        assert put.status_code == 200, put.text

    await server.say("Hi")
    await server.say(HARD)
    for _ in range(2):
        await roll_up(services.database, server.client.id, now=services.clock.now())

    savings = (await operator.get("/admin/dashboard"))["savings"]
    assert (savings["routing_messages"], Decimal(savings["routing"])) == (1, Decimal(saved) / 1_000_000)


async def test_savings_against_a_model_of_unknown_price_are_not_guessed(make_server: ServerFactory) -> None:
    models = Models(["Small."])
    models.provider._traits = ModelTraits(price_provider="nobody")
    server = await routed(make_server, models)
    await server.say("Hi")
    assert [each["saved_micros"] for each in await decisions(server)] == [None]


async def test_what_is_kept_of_a_decision_holds_no_word_of_the_visitor(make_server: ServerFactory) -> None:
    server = await routed(make_server, Models(["Hi."]))
    await server.say("Wherefore aubergine?")
    (kept,) = await decisions(server)
    texts = [value for value in kept["features"].values() if isinstance(value, str)]
    assert texts == []
    assert "aubergine" not in repr(kept)


async def test_nothing_is_decided_where_nobody_answers_simple_questions(echo_server: Server) -> None:
    await echo_server.say("When do you open?")
    assert await decisions(echo_server) == [None]


async def test_a_threshold_of_nothing_only_watches(make_server: ServerFactory) -> None:
    models = Models(["no"])
    server = await routed(make_server, models, threshold=0)
    await server.say("Hi")
    assert models.asked == ["large"]
    assert [each["chosen"] for each in await decisions(server)] == ["chain"]


@pytest.mark.parametrize(
    ("says", "escalation"),
    [
        ([ProviderError("busy")], "failed"),
        ([""], "no_answer"),
        (["I would rather not.", Stop("refusal")], "no_answer"),
        (["One moment.", ToolCall("c1", "cancel", {"order": "1"})], "action"),
        ([ToolCall("c1", "look_up", {"nonsense": 1})], "action"),
        ([ToolCall("c1", "reveal", {"order": "1"})], "action"),
        ([ToolCall("c1", "look_up", {"order": "1"}), ToolCall("c2", "cancel", {"order": "1"})], "action"),
    ],
)
async def test_the_chain_takes_over_where_the_cheaper_model_does_not_do(
    make_server: ServerFactory, says: list[Step], escalation: str
) -> None:
    models = Models(says)
    server = await routed(make_server, models, tools=[look_up, reveal, cancel])
    answer = (await server.say("Hi")).json()
    assert (answer["status"], answer["message"]["content"]) == ("completed", "From the large one.")
    assert answer["tool_calls"] == []
    assert models.asked == ["small", "large"]
    (kept,) = await decisions(server)
    booked = await server.rows(LedgerEntry)
    assert kept["escalation"] == escalation
    assert kept["simple_calls"] == len([row for row in booked if row["model"] == "small"])


async def test_what_the_cheaper_model_said_is_withdrawn_before_the_chain_speaks(
    make_server: ServerFactory,
) -> None:
    models = Models(["Done!", ToolCall("c1", "cancel", {"order": "1"})])
    server = await routed(make_server, models, tools=[cancel])
    streamed = await server.http.post(
        "/chat/message",
        json={"message": "Hi"},
        headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
    )
    names = [name for name, _data in sse_events(streamed.text)]
    assert names.index("text.reset") < max(at for at, name in enumerate(names) if name == "text.delta")
    assert sse_events(streamed.text)[-1][1]["message"]["content"] == "From the large one."


async def test_what_the_cheaper_model_looks_up_is_read_by_the_chain(make_server: ServerFactory) -> None:
    models = Models([Reasoning({"type": "thinking"}), ToolCall("c1", "look_up", {"order": "7"})])
    server = await routed(make_server, models, tools=[look_up])
    answer = (await server.say("Hi")).json()
    assert answer["message"]["content"] == "Looked up by the large one."
    assert [call["success"] for call in answer["tool_calls"]] == [True]
    (kept,) = await decisions(server)
    assert (kept["escalation"], kept["simple_calls"]) == ("look_up", 1)
    calling, answered = models.provider.requests[-1].messages[-2:]
    assert isinstance(calling, AssistantMessage)
    assert isinstance(answered, ToolMessage)
    assert [call.id for call in calling.tool_calls] == [result.call_id for result in answered.results]
    assert calling.reasoning == ()


async def test_a_chain_that_fails_after_the_cheaper_model_ends_the_turn(make_server: ServerFactory) -> None:
    server = await routed(make_server, Models([ProviderError("busy")], [ProviderError("busy")]))
    assert (await server.say("Hi")).json()["status"] == "failed"
    assert [each["escalation"] for each in await decisions(server)] == ["failed"]


@pytest.mark.parametrize(
    ("question", "threshold", "model"),
    [("When do you open?", 30, "small"), (HARD, 30, "large"), ("When do you open?", 0, "large")],
)
async def test_a_turn_that_is_killed_is_known_to_have_asked_the_model_that_it_asks(
    make_server: ServerFactory, question: str, threshold: int, model: str
) -> None:
    gate = asyncio.Event()
    models = Models([gate, "Small."], [gate, "Large."])
    server = await routed(make_server, models, threshold=threshold)
    asking = asyncio.create_task(server.say(question))
    await models.provider.called(1)
    (turn,) = await server.rows(Turn)
    gate.set()
    await asking
    assert turn["attempts"]["under_way"]["model"] == model
    assert models.asked == [model]


class TestChoosing:
    async def put(self, operator: Operator, path: str, **body: Any) -> Any:
        return await operator.ask("PUT", path, json=body, headers={"If-Match": "*"})

    async def test_a_plans_models_for_simple_questions_serve_clients_without_a_chain(
        self, make_server: ServerFactory
    ) -> None:
        models = Models(["From the small one."])
        asks_for_nothing: dict[str, Any] = {"provider": "", "fallback_providers": []}
        server = await make_server(models.provider, client={"settings": asks_for_nothing})
        operator = await sign_in(server)
        path = f"/admin/clients/{server.client.id}/providers"
        plan = await self.put(
            operator, "/admin/plans/default/providers", chain=["scripted/large"], simple=["scripted/small"]
        )
        assert plan.status_code == 200, plan.text
        await server.say("Hi")
        own = await self.put(operator, path, chain=["scripted/large"])
        assert [each["model"] for each in own.json()["answering_simple"]] == []
        await server.say("Hi")
        none = await self.put(operator, path, routing={"simple": []})
        assert none.json()["routing"] == {"simple": [], "threshold": 30}
        await server.say("Hi")
        assert models.asked == ["small", "large", "large"]

    async def test_a_model_that_the_plan_does_not_allow_is_refused(self, make_server: ServerFactory) -> None:
        server = await routed(make_server, Models(["Hi."]))
        operator = await sign_in(server)
        await self.put(operator, "/admin/plans/default/providers", models=["scripted/large"])
        path = f"/admin/clients/{server.client.id}/providers"
        refused = await self.put(operator, path, routing={"simple": ["scripted/small"]})
        assert (refused.status_code, refused.json()["code"]) == (422, "model_not_allowed")
        state = await operator.get(path)
        assert state["answering_simple"] == []
        assert [each["model"] for each in state["left_out"]] == ["scripted/small"]
