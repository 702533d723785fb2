"""Write actions that the visitor has to confirm: asked about, decided once, done at most once."""

from __future__ import annotations

import asyncio
import json

from csai.models import ToolExecution, Turn
from csai.tools.confirmation import MAX_DETAILS, confirmation
from csai_sdk import ToolCall, ToolMessage
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from core.server.tests.chat.confirming import Cancellations, asking, decide, statuses
from tests.support.server import ServerFactory


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


def test_all_that_is_done_is_shown_or_said_to_be_more() -> None:
    arguments = {f"a{number}": number for number in range(MAX_DETAILS + 2)}
    shown = confirmation("c", "pay", arguments | {"a0": "x" * 2_100, "a1": "to \u202ebob"}, {}, None)[
        "details"
    ]

    assert len(shown) == MAX_DETAILS + 1
    assert shown[-1] == {"label": "…", "value": "+2"}
    assert shown[0]["value"] == "x" * 2_000 + "… (+100)"
    assert shown[1]["value"] == "to \ufffdbob"


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
