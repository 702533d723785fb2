"""The test chat: an admin's turn is a real one, marked as a test, and shows what the models were asked."""

from __future__ import annotations

from typing import Any

import pytest
from csai.chat.trial import MOST_TURNS
from csai.kit.identifier import new_id
from csai.models import Conversation, LedgerEntry, Message, Turn
from csai.usage.rollup import roll_up, roll_up_hours
from csai_sdk import PluginContext, PluginSettings, ProviderAuthError, ToolCall, Usage, hookimpl
from csai_sdk.event import BeforeModelCall
from csai_testkit.scripted import ScriptedProvider
from pydantic import SecretStr

from core.server.tests.chat.trial_chat import ask, path_of, rounds, say, trial_server
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory, sse_events
from tests.support.tools import look_up

SECRET = "sk-do-not-show"
READ = ("rounds", "confirmations")
"""What is read of a test chat."""


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await trial_server(make_server)


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


async def test_a_test_is_a_real_turn_in_a_conversation_of_its_own(server: Server, operator: Operator) -> None:
    first = await say(operator)
    second = await say(operator, "And?", session_id=first["session_id"])

    assert (first["status"], first["message"]["content"]) == ("completed", "large")
    assert first["usage"]["tokens_input"] == 10
    assert second["session_id"] == first["session_id"]
    (conversation,) = await server.rows(Conversation)
    assert (conversation["is_test"], conversation["channel"]) == (True, "test")
    assert [row["status"] for row in await server.rows(Turn)] == ["completed", "completed"]
    assert len(await server.rows(Message)) == 4


async def test_its_events_come_as_they_happen(operator: Operator) -> None:
    answer = await operator.ask(
        "POST",
        path_of(operator.server, "message"),
        json={"message": "Hi"},
        headers={"Accept": "text/event-stream"},
    )

    events = sse_events(answer.text)
    assert [name for name, _ in events] == ["turn.started", "text.delta", "turn.completed"]
    assert events[-1][1]["usage"]["tokens_output"] == 5


async def test_it_costs_tokens_but_none_of_the_plans_messages(server: Server, operator: Operator) -> None:
    for _ in range(3):
        assert (await say(operator))["status"] == "completed"

    assert await server.counters() == {"tokens": (45, 0)}
    assert len(await server.rows(LedgerEntry)) == 3
    assert (await server.say("Hi")).status_code == 200, "the visitor's one message is still there"


async def test_it_is_neither_listed_nor_counted_unless_asked_for(server: Server, operator: Operator) -> None:
    test = await say(operator)
    visitor = (await server.say("Hi")).json()
    await roll_up(server.services.database, server.client.id, now=server.services.clock.now())
    await roll_up_hours(server.services.database, server.client.id, now=server.services.clock.now())

    for query, wanted in (({}, visitor), ({"test": "true"}, test)):
        listed = (await operator.get("/admin/conversations", **query))["conversations"]
        assert [each["session_id"] for each in listed] == [wanted["session_id"]]
    desk = await operator.get(f"/admin/clients/{server.client.id}/conversations")
    assert [each["session_id"] for each in desk["conversations"]] == [visitor["session_id"]]
    dashboard = await operator.get("/admin/dashboard")
    assert dashboard["total"]["conversations"] == dashboard["today"]["used"]["conversations"] == 1
    assert [each["kind"] for each in dashboard["activity"]].count("conversation") == 1


async def test_it_takes_part_in_no_experiment(server: Server, operator: Operator) -> None:
    base = f"/admin/clients/{server.client.id}/experiments"
    arms = [{"name": name, "chain": ["scripted/small"]} for name in "ab"]
    experiment = await operator.ask("POST", base, json={"name": "Small", "arms": arms})
    started = f"{base}/{experiment.json()['id']}/start"
    assert (await operator.ask("POST", started, headers={"If-Match": "*"})).status_code == 200

    assert (await say(operator))["message"]["content"] == "large"
    assert [row["arm"] for row in await server.rows(Turn)] == [None]


async def test_another_model_answers_where_it_is_asked_for(server: Server, operator: Operator) -> None:
    routing = {"chain": ["scripted/large"], "routing": {"simple": ["scripted/tiny"], "threshold": 100}}
    chosen = await operator.ask(
        "PUT", f"/admin/clients/{server.client.id}/providers", json=routing, headers={"If-Match": "*"}
    )
    assert chosen.status_code == 200, chosen.text

    assert (await say(operator))["message"]["content"] == "tiny"
    assert (await say(operator, model="scripted/small"))["message"]["content"] == "small"
    assert (await say(operator, model="scripted"))["message"]["content"] == "scripted-1"
    for model in ("elsewhere/large", "elsewhere"):
        refused = await ask(operator, model=model)
        assert (refused.status_code, refused.json()["code"]) == (422, "model_not_usable")


async def test_the_cache_neither_answers_it_nor_keeps_what_it_said(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(["One."], ["Two."], ["Three."])
    server = await make_server(provider, response_cache_s=300)
    operator = await sign_in(server)

    assert (await say(operator))["message"]["content"] == "One."
    assert (await server.say("Hi")).json()["message"]["content"] == "Two."
    assert (await say(operator))["message"]["content"] == "Three."


async def test_every_round_is_shown_as_it_was_sent_and_answered(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(
        [ToolCall("c1", "look_up", {"order_id": "ORD-1"}), Usage(20, 3)],
        ["It has ", "shipped.", Usage(30, 4)],
    )
    server = await make_server(provider, tools=[look_up], client={"settings": {"prompt": "Be brief."}})
    operator = await sign_in(server)

    answer = await say(operator, "Where is ORD-1?")
    (turn,) = await rounds(operator, answer["session_id"])

    assert turn["turn_id"] == answer["turn_id"]
    first, second = turn["rounds"]
    assert (first["provider"], first["request"]["model"], first["error"]) == ("scripted", "scripted-1", None)
    assert first["request"]["system"] == provider.requests[0].system
    assert first["request"]["messages"] == [{"role": "user", "text": "Where is ORD-1?"}]
    assert [tool["name"] for tool in first["request"]["tools"]] == ["look_up"]
    (call,) = first["response"]["tool_calls"]
    assert (call["name"], call["arguments"]) == ("look_up", {"order_id": "ORD-1"})
    assert [message["role"] for message in second["request"]["messages"]] == ["user", "assistant", "tool"]
    assert second["response"]["text"] == "It has shipped."
    assert second["response"]["usage"]["tokens_output"] == 4
    assert second["response"]["stop_reason"] == "end"


async def test_a_call_that_failed_is_told_without_the_vendors_words(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider([ProviderAuthError("bad key sk-1234", status=401)]))
    operator = await sign_in(server)

    answer = await say(operator)
    (turn,) = await rounds(operator, answer["session_id"])

    (only,) = turn["rounds"]
    assert (only["response"], only["error"]) == (None, "ProviderAuthError (401)")


class Config(PluginSettings):
    key: SecretStr | None = None


class Careless:
    """Tells the model its key."""

    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        return Config

    @hookimpl
    async def before_model_call(self, event: BeforeModelCall, ctx: PluginContext) -> str:
        assert isinstance(ctx.settings, Config)
        assert ctx.settings.key is not None
        return f"My key is {ctx.settings.key.get_secret_value()}."


async def test_stored_secrets_are_hidden_wherever_they_stand(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider([f"I was told {SECRET}."]), plugins={"careless": Careless()})
    operator = await sign_in(server)
    changed = await operator.change(
        f"/admin/clients/{server.client.id}/plugins/careless", {"settings": {"key": SECRET}}
    )
    assert changed.status_code == 200, changed.text

    answer = await say(operator)
    told = await operator.ask("GET", path_of(server, answer["session_id"], "rounds"))

    assert SECRET not in told.text
    assert "My key is (secret)." in told.text
    assert "I was told (secret)." in told.text


async def test_only_the_last_test_turns_are_remembered(server: Server, operator: Operator) -> None:
    first = await say(operator)
    for _ in range(MOST_TURNS):
        last = await say(operator)

    assert await rounds(operator, first["session_id"]) == []
    assert len(await rounds(operator, last["session_id"])) == 1


async def test_a_visitors_conversation_is_none_of_the_test_chats(server: Server, operator: Operator) -> None:
    visitor = (await server.say("Hi")).json()["session_id"]
    other = await server.add_client()

    for session_id in (visitor, new_id(), "x"):
        assert (await ask(operator, session_id=session_id)).status_code == 404
        for part in READ:
            assert (await operator.ask("GET", path_of(server, session_id, part))).status_code == 404
    test = await say(operator)
    for part in READ:
        elsewhere = f"/admin/clients/{other.id}/test-chat/{test['session_id']}/{part}"
        assert (await operator.ask("GET", elsewhere)).status_code == 404


@pytest.mark.parametrize("role", ["teammate", "viewer"])
async def test_who_may_not_change_anything_may_not_test(server: Server, role: Any) -> None:
    reader = await sign_in(server, email="eve@example.com", role=role)

    assert (await ask(reader)).status_code == 403
    for part in READ:
        assert (await reader.ask("GET", path_of(server, new_id(), part))).status_code == 403
    assert await server.rows(Conversation) == []


async def test_who_is_bound_to_another_client_finds_none(server: Server) -> None:
    other = await server.add_client()
    bound = await sign_in(server, email="eve@example.com", role="admin", client_ids=[other.id])

    assert (await ask(bound)).status_code == 404


async def test_a_deactivated_client_is_not_tested(server: Server, operator: Operator) -> None:
    path = f"/admin/clients/{server.client.id}/deactivate"
    off = await operator.ask("POST", path, headers={"If-Match": "*"})
    assert off.status_code == 200, off.text

    refused = await ask(operator)

    assert (refused.status_code, refused.json()["code"]) == (409, "client_inactive")


@pytest.mark.parametrize(
    "body", [{"message": " "}, {"message": "Hi", "model": "/large"}, {"message": "Hi", "visitor": "ada"}]
)
async def test_what_is_no_test_message_is_refused(operator: Operator, body: dict[str, Any]) -> None:
    answer = await operator.ask("POST", path_of(operator.server, "message"), json=body)

    assert answer.status_code == 422
