"""Write actions that the visitor has to confirm: asked about, decided once, done at most once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import pytest
from csai.clients.repository import ClientRepository
from csai.models import Client, Conversation, ToolExecution, Turn
from csai.tools.confirmation import MAX_DETAILS, confirmation
from csai_sdk import ToolCall, ToolMessage, tool
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.server import Server, ServerFactory


class Cancellations:
    """A tool that needs the visitor's word, and counts what it did."""

    def __init__(self) -> None:
        self.done: list[str] = []

        @tool(name="cancel_order", confirm=True)
        async def cancel_order(order_id: str, reason: str = "") -> dict[str, str]:
            """Cancels an order."""
            self.done.append(order_id)
            return {"cancelled": order_id}

        self.tool = cancel_order


def asking(*replies: str, order_id: str = "ORD-7") -> ScriptedProvider:
    """A model that wants to cancel, says so, and then says `replies`."""
    call = ToolCall("c1", "cancel_order", {"order_id": order_id})
    return ScriptedProvider([call], ["Shall I cancel it?"], *([reply] for reply in replies))


async def decide(
    server: Server, answer: Mapping[str, Any], decision: str = "approve", **body: Any
) -> httpx.Response:
    return await server.http.post(
        "/chat/confirm",
        json={
            "session_id": answer["session_id"],
            "confirmation_id": answer["confirmations"][0]["id"],
            "decision": decision,
            **body,
        },
        headers=server.as_page(answer),
    )


async def statuses(server: Server) -> list[str]:
    return [row["status"] for row in await server.rows(ToolExecution)]


async def test_nothing_is_done_before_the_visitor_agrees(make_server: ServerFactory) -> None:
    shop = Cancellations()
    provider = asking()
    server = await make_server(provider, tools=[shop.tool])

    answer = (await server.say("Cancel ORD-7")).json()

    assert shop.done == []
    assert answer["status"] == "completed"
    assert answer["tool_calls"] == []
    (asked,) = answer["confirmations"]
    assert (asked["tool"], asked["title"]) == ("cancel_order", "Cancel order")
    assert asked["details"] == [{"label": "Order Id", "value": "ORD-7"}]
    (told,) = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert "awaiting_confirmation" in told.content
    assert not told.is_error
    assert await statuses(server) == ["waiting"]


async def test_what_was_approved_is_done_and_answered(make_server: ServerFactory) -> None:
    shop = Cancellations()
    provider = asking("It is cancelled.")
    server = await make_server(provider, tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()

    done = (await decide(server, answer, message="Yes, cancel it")).json()

    assert shop.done == ["ORD-7"]
    assert done["status"] == "completed"
    assert done["message"]["content"] == "It is cancelled."
    assert done["confirmations"] == []
    (call,) = done["tool_calls"]
    assert (call["id"], call["success"]) == (answer["confirmations"][0]["id"], True)
    last = provider.requests[-1].messages
    assert isinstance(last[-1], ToolMessage)
    assert '"cancelled"' in last[-1].results[0].content
    assert last[-3].text == "Yes, cancel it"  # type: ignore[union-attr]
    assert await statuses(server) == ["succeeded"]
    history = await server.http.get(f"/chat/history/{answer['session_id']}", headers=server.as_page(answer))
    assert [message["content"] for message in history.json()["messages"]] == [
        "Cancel ORD-7",
        "Shall I cancel it?",
        "Yes, cancel it",
        "It is cancelled.",
    ]


async def test_a_question_is_asked_under_a_plan_that_counts_tool_calls(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(asking("It is cancelled."), tools=[shop.tool], limits={"tool_calls": 1})

    answer = (await server.say("Cancel ORD-7")).json()
    assert (answer["status"], len(answer["confirmations"])) == ("completed", 1)

    assert (await decide(server, answer)).json()["status"] == "completed"
    assert shop.done == ["ORD-7"]


async def test_what_was_declined_is_not_done(make_server: ServerFactory) -> None:
    shop = Cancellations()
    provider = asking("All right, it stays.")
    server = await make_server(provider, tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()

    done = (await decide(server, answer, "decline")).json()

    assert shop.done == []
    assert done["message"]["content"] == "All right, it stays."
    assert done["tool_calls"] == []
    assert "declined" in provider.requests[-1].messages[-1].results[0].content  # type: ignore[union-attr]
    assert await statuses(server) == ["declined"]


async def test_many_approvals_at_once_do_it_once_and_get_the_same_answer(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(asking("Cancelled."), tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()

    replies = await asyncio.gather(*(decide(server, answer) for _ in range(20)))

    assert shop.done == ["ORD-7"]
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["turn_id"] for reply in replies}) == 1


async def test_deciding_otherwise_afterwards_is_refused(make_server: ServerFactory) -> None:
    shop = Cancellations()
    server = await make_server(asking("It stays."), tools=[shop.tool])
    answer = (await server.say("Cancel ORD-7")).json()
    await decide(server, answer, "decline")

    refused = await decide(server, answer, "approve")

    assert (refused.status_code, refused.json()["code"]) == (409, "confirmation_decided")
    assert shop.done == []


async def test_the_question_is_asked_in_the_stream_and_shown_again_after_a_reload(
    make_server: ServerFactory,
) -> None:
    shop = Cancellations()
    server = await make_server(asking("Done."), tools=[shop.tool])

    streamed = await server.http.post(
        "/chat/message",
        json={"message": "Cancel ORD-7", "message_id": "5b0c0dc4-3b0e-4c4c-9c8e-000000000001"},
        headers=server.as_page(Accept="text/event-stream"),
    )

    events = dict(
        zip(
            [line[7:] for line in streamed.text.splitlines() if line.startswith("event: ")],
            [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: ")],
            strict=True,
        )
    )
    answer = events["turn.completed"]
    assert events["confirm.requested"] == answer["confirmations"][0]
    assert "usage" not in answer
    history = await server.http.get(f"/chat/history/{answer['session_id']}", headers=server.as_page(answer))
    assert history.json()["confirmations"] == answer["confirmations"]
    await decide(server, answer)
    history = await server.http.get(f"/chat/history/{answer['session_id']}", headers=server.as_page(answer))
    assert history.json()["confirmations"] == []


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


async def test_asking_anew_takes_the_place_of_the_first_question(make_server: ServerFactory) -> None:
    shop = Cancellations()
    again = ToolCall("c2", "cancel_order", {"order_id": "ORD-8"})
    provider = ScriptedProvider(
        [ToolCall("c1", "cancel_order", {"order_id": "ORD-7"})], ["Sure?"], [again], ["And now?"], ["Done."]
    )
    server = await make_server(provider, tools=[shop.tool])
    first = (await server.say("Cancel ORD-7")).json()
    second = (await server.say("No, ORD-8", first)).json()

    stale = await decide(server, first)
    fresh = await decide(server, second)

    assert (stale.status_code, stale.json()["code"]) == (409, "confirmation_replaced")
    assert fresh.status_code == 200
    assert shop.done == ["ORD-8"]


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


def test_all_that_is_done_is_shown_or_said_to_be_more() -> None:
    arguments = {f"a{number}": number for number in range(MAX_DETAILS + 2)}
    shown = confirmation("c", "pay", arguments | {"a0": "x" * 2_100, "a1": "to \u202ebob"}, {}, None)[
        "details"
    ]

    assert len(shown) == MAX_DETAILS + 1
    assert shown[-1] == {"label": "…", "value": "+2"}
    assert shown[0]["value"] == "x" * 2_000 + "… (+100)"
    assert shown[1]["value"] == "to \ufffdbob"


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


async def test_what_a_dead_process_had_approved_is_never_done_again(make_server: ServerFactory) -> None:
    """Killed after the approval was stored: the outcome is unknown, the visitor is told, nothing repeats."""
    shop, clock = Cancellations(), FakeClock()
    server = await make_server(asking("Later."), tools=[shop.tool], clock=clock)
    answer = (await server.say("Cancel ORD-7")).json()
    session, question = answer["session_id"], answer["confirmations"][0]["id"]
    done = (await decide(server, answer)).json()
    # As the row would be, had the process died before it wrote what came of it.
    async with server.services.database.write() as transaction:
        await transaction.execute(update(ToolExecution).values(status="intended", success=None))
        await transaction.execute(update(Turn).where(Turn.id == done["turn_id"]).values(idempotency_key=None))

    again = await server.http.post(
        "/chat/confirm",
        json={"session_id": session, "confirmation_id": question, "decision": "approve"},
        headers=server.as_page(answer),
    )

    assert (again.status_code, again.json()["code"]) == (409, "confirmation_decided")
    assert shop.done == ["ORD-7"]
