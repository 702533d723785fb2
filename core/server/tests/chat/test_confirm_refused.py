"""Who may not decide a question, and when nobody may any more."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from csai.clients.repository import ClientRepository
from csai.models import Client, Conversation
from csai_sdk import ToolCall, tool
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from core.server.tests.chat.confirming import Cancellations, asking, decide, statuses
from tests.support.server import Server, ServerFactory


async def test_a_question_whose_time_is_over_cannot_be_decided(make_server: ServerFactory) -> None:
    shop, clock = Cancellations(), FakeClock()
    server = await make_server(asking(), tools=[shop.tool], clock=clock, confirmation_s=60)
    answer = (await server.say("Cancel ORD-7")).json()

    clock.advance(61)
    late = await decide(server, answer)

    assert (late.status_code, late.json()["code"]) == (409, "confirmation_expired")
    assert shop.done == []
    history = await server.http.get(f"/chat/history/{answer['session_id']}", headers=server.as_page(answer))
    assert history.json()["confirmations"] == []


async def test_another_sessions_and_another_clients_question_is_not_found(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(
        ScriptedProvider(
            [ToolCall("c1", "cancel_order", {"order_id": "ORD-7"})], ["Sure?"], ["Hello."], ["Hello."]
        ),
        tools=[shop.tool],
    )
    answer = (await server.say("Cancel ORD-7")).json()
    elsewhere = (await server.say("Hi")).json()
    stranger = await server.add_client()
    theirs = (await server.say("Hi", client=stranger)).json()

    other_session = await decide(server, {**elsewhere, "confirmations": answer["confirmations"]})
    other_client = await server.http.post(
        "/chat/confirm",
        json={
            "session_id": theirs["session_id"],
            "confirmation_id": answer["confirmations"][0]["id"],
            "decision": "approve",
        },
        headers={"X-API-Key": stranger.secret_key},
    )
    unknown = await decide(server, {**elsewhere, "confirmations": [{"id": "nothing"}]})

    assert {reply.status_code for reply in (other_session, other_client, unknown)} == {404}
    assert {reply.json()["code"] for reply in (other_session, other_client, unknown)} == {"not_found"}
    assert shop.done == []
    assert await statuses(server) == ["waiting"]


async def test_a_call_that_asked_nothing_is_no_question(make_server: ServerFactory) -> None:
    @tool
    def note(text: str) -> str:
        """Notes."""
        return text

    server = await make_server(
        ScriptedProvider([ToolCall("c", "note", {"text": "x"})], ["Noted."]), tools=[note]
    )
    answer = (await server.say("Note x")).json()

    reply = await decide(server, {**answer, "confirmations": [{"id": answer["tool_calls"][0]["id"]}]})

    assert reply.status_code == 404


async def test_a_tool_taken_away_meanwhile_is_not_run(make_server: ServerFactory) -> None:
    from csai.clients.repository import ClientRepository
    from csai.tools.repository import ToolRepository

    shop = Cancellations()
    provider = asking("I cannot do that any more.")
    server = await make_server(provider, tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()
    async with server.services.database.write() as transaction:
        await ToolRepository(transaction, server.client.id).put(
            "cancel_order", enabled=False, webhook_url=None, config={}
        )
        await ClientRepository(transaction, server.client.id).bump()

    done = (await decide(server, answer)).json()

    assert shop.done == []
    assert done["status"] == "completed"
    assert "no tool named" in provider.requests[-1].messages[-1].results[0].content  # type: ignore[union-attr]
    assert await statuses(server) == ["refused"]


async def test_an_ended_conversation_decides_nothing(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(asking(), tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()
    await server.http.post(
        "/chat/end", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )

    reply = await decide(server, answer)

    assert (reply.status_code, reply.json()["code"]) == (409, "conversation_ended")
    assert shop.done == []


async def test_a_private_action_is_not_asked_of_anybody(make_server: ServerFactory) -> None:
    done: list[str] = []

    @tool(private=True, confirm=True)
    def refund(order_id: str) -> str:
        """Refunds."""
        done.append(order_id)
        return "refunded"

    provider = ScriptedProvider([ToolCall("c", "refund", {"order_id": "1"})], ["Please sign in."])
    server = await make_server(provider, tools=[refund])

    answer = (await server.say("Refund 1")).json()

    assert answer["confirmations"] == []
    assert "verified" in provider.requests[1].messages[-1].results[0].content  # type: ignore[union-attr]
    assert done == []


async def test_while_a_teammate_answers_nothing_is_decided(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(asking("Done."), tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Conversation).values(state="teammate"))

    refused = await decide(server, answer)

    assert (refused.status_code, refused.json()["code"]) == (409, "teammate_answers")
    assert (shop.done, await statuses(server)) == ([], ["waiting"])


IDENTITY = "i" * 40


def token(visitor: str) -> str:
    return jwt.encode({"sub": visitor, "exp": 4_000_000_000}, IDENTITY, algorithm="HS256")


async def private_question(make_server: ServerFactory, done: list[str]) -> tuple[Server, Any]:
    """A server of whose visitor `ann` it was asked whether to refund."""

    @tool(private=True, confirm=True)
    def refund(order_id: str) -> str:
        """Refunds."""
        done.append(order_id)
        return "refunded"

    replies: list[Any] = [[ToolCall("c", "refund", {"order_id": "1"})], ["Refund it?"], ["Well."], ["Well."]]
    server = await make_server(ScriptedProvider(*replies), tools=[refund])
    async with server.services.database.write() as transaction:
        sealed = server.services.keyring.encrypt(IDENTITY, f"client:{server.client.id}/identity")
        await transaction.execute(update(Client).values(identity_secret=sealed))
        await ClientRepository(transaction, server.client.id).bump()
    return server, (await server.say("Refund 1", user_token=token("ann"))).json()


async def test_a_private_action_needs_the_verified_visitor_again(make_server: ServerFactory) -> None:
    done: list[str] = []
    server, answer = await private_question(make_server, done)

    decided = await decide(server, answer)

    assert decided.status_code == 200
    assert (done, await statuses(server)) == ([], ["refused"])


async def test_another_visitor_s_word_decides_nothing(make_server: ServerFactory) -> None:
    done: list[str] = []
    server, answer = await private_question(make_server, done)

    other = await decide(server, answer, user_token=token("eve"))
    assert (other.status_code, other.json()["code"]) == (403, "visitor_mismatch")
    assert (done, await statuses(server)) == ([], ["waiting"])

    await decide(server, answer, user_token=token("ann"))
    assert (done, await statuses(server)) == (["1"], ["succeeded"])


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "maybe"},
        {"confirmation_id": ""},
        {"confirmation_id": "x" * 81},
        {"message": ""},
        {"message": "x" * 201},
        {"arguments": {"order_id": "ORD-8"}},
    ],
)
async def test_a_decision_that_is_none_is_refused(make_server: ServerFactory, body: dict[str, Any]) -> None:
    shop = Cancellations()
    server = await make_server(asking(), tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()

    reply = await decide(server, answer, **body)

    assert reply.status_code == 422
    assert shop.done == []


async def test_a_decision_without_the_sessions_token_is_refused(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(asking(), tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()

    reply = await decide(server, {**answer, "session_token": "forged"})

    assert reply.status_code in {401, 403, 404}
    assert shop.done == []
