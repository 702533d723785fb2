"""A conversation changes hands: what the visitor, the teammates and the AI see of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from csai.models import Conversation, LedgerEntry, Message, ToolExecution, Turn
from csai.tools.execution import UNKNOWN_OUTCOME
from csai_sdk import AssistantMessage, ToolCall, ToolMessage, UserMessage, event, hookimpl
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import delete, update

from tests.support.server import Server, ServerFactory, sse_events
from tests.support.tools import Bookings


async def post(server: Server, path: str, answer: Mapping[str, Any], **body: Any) -> httpx.Response:
    """POST as the business's own server."""
    return await server.http.post(
        f"/chat/{path}",
        json={"session_id": answer["session_id"], **body},
        headers={"X-API-Key": server.client.secret_key},
    )


async def said(server: Server, answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who said what, as the history tells it."""
    history = await server.http.get(
        f"/chat/history/{answer['session_id']}", headers={"X-API-Key": server.client.secret_key}
    )
    return [(message["author"], message["content"]) for message in history.json()["messages"]]


async def test_a_visitor_who_asks_for_a_person_waits_in_the_queue_and_the_ai_says_no_more(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(["Hello!"])
    server = await make_server(provider)
    first = (await server.say("Hi")).json()

    asked = await server.http.post(
        "/chat/handoff",
        json={"session_id": first["session_id"], "reason": "I want a person"},
        headers=server.as_page(first),
    )
    again = (await post(server, "handoff", first)).json()
    second = (await server.say("Are you there?", first)).json()

    assert (asked.status_code, asked.json()["state"], asked.json()["teammate"]) == (200, "queued", None)
    assert again == asked.json()
    assert second["status"] == "handed_off"
    assert (second["message"]["author"], second["message"]["content"]) == ("system", "")
    assert await said(server, first) == [
        ("visitor", "Hi"),
        ("ai", "Hello!"),
        ("visitor", "Are you there?"),
    ]
    assert len(provider.requests) == 1
    assert await server.counters() == {"conversations": (1, 0), "messages": (2, 0), "tokens": (15, 0)}
    (conversation,) = await server.rows(Conversation)
    assert (conversation["message_count"], conversation["lease_turn_id"]) == (3, None)


async def test_an_answer_under_way_is_withdrawn_when_a_teammate_takes_over(
    make_server: ServerFactory,
) -> None:
    gate = asyncio.Event()
    provider = ScriptedProvider(["Hello!"], ["I think that ", gate, "never said"])
    server = await make_server(provider)
    first = (await server.say("Hi")).json()
    stream = asyncio.create_task(
        server.http.post(
            "/chat/message",
            json={"message": "Where is it?", "session_id": first["session_id"]},
            headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
        )
    )
    await provider.called(2)

    taken = await post(server, "state", first, state="teammate", teammate="Dana")

    assert (taken.json()["state"], taken.json()["teammate"]) == ("teammate", "Dana")
    events = sse_events((await stream).text)
    assert [name for name, _ in events][-3:] == ["text.reset", "handoff", "turn.completed"]
    assert events[-2][1] == {"state": "teammate"}
    assert events[-1][1]["status"] == "handed_off"
    assert await said(server, first) == [("visitor", "Hi"), ("ai", "Hello!"), ("visitor", "Where is it?")]
    assert [turn["status"] for turn in await server.rows(Turn)].count("handed_off") == 1
    # What the model was asked until then is paid for, as an estimate.
    assert [entry["is_estimated"] for entry in await server.rows(LedgerEntry)] == [False, True]


async def test_a_repeat_of_a_message_that_was_handed_over_gets_the_same_outcome(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]))
    first = (await server.say("Hi")).json()
    await post(server, "state", first, state="teammate")
    key = str(uuid4())

    answer = await server.say("Anyone?", first, key=key)
    repeat = await server.say("Anyone?", first, key=key)

    assert answer.json()["status"] == "handed_off"
    assert repeat.json() == answer.json()


async def test_the_ai_goes_on_knowing_what_a_teammate_said_and_what_it_had_done_itself(
    make_server: ServerFactory,
) -> None:
    gate = asyncio.Event()
    bookings = Bookings()
    provider = ScriptedProvider(
        ["Hello!"],
        ["One moment.", ToolCall("c1", "book", {"slot": "ten"})],
        [gate, "never said"],
        ["Anything else?"],
    )
    server = await make_server(provider, tools=[bookings.tool])
    first = (await server.say("Hi")).json()
    asked = asyncio.create_task(server.say("Book ten", first))
    await provider.called(3)
    await post(server, "state", first, state="teammate", teammate="Dana")
    assert (await asked).json()["status"] == "handed_off"
    reply = await post(server, "reply", first, message="I am Dana. It is booked.")
    await server.say("Thank you, Dana", first)
    await post(server, "state", first, state="ai")

    last = (await server.say("And eleven?", first)).json()

    assert reply.json()["message"]["author"] == "teammate"
    assert bookings.made == ["ten"]
    assert last["message"]["content"] == "Anything else?"
    shown = provider.requests[-1].messages
    assert [type(message) for message in shown] == [
        *(UserMessage, AssistantMessage, UserMessage, AssistantMessage, ToolMessage),
        *(AssistantMessage, UserMessage),
    ]
    assert isinstance(shown[5], AssistantMessage)
    assert shown[5].text.endswith("I am Dana. It is booked.")
    assert shown[-1] == UserMessage("Thank you, Dana\n\nAnd eleven?")


async def test_a_teammate_speaks_only_where_one_has_taken_over(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]))
    first = (await server.say("Hi")).json()

    before = await post(server, "reply", first, message="Hello")
    await post(server, "state", first, state="teammate")
    said_once = await post(server, "reply", first, message="Hello", message_id="m1")
    repeated = await post(server, "reply", first, message="Hello", message_id="m1")
    empty = await post(server, "reply", first, message="  ")
    await post(server, "state", first, state="closed")
    after = await post(server, "reply", first, message="Hello")

    assert (before.status_code, before.json()["code"]) == (409, "not_taken_over")
    assert said_once.json() == repeated.json()
    assert (empty.status_code, empty.json()["code"]) == (422, "message_empty")
    assert (after.status_code, after.json()["code"]) == (409, "conversation_ended")
    assert [author for author, _ in await said(server, first)] == ["visitor", "ai", "teammate"]


async def test_who_asks_for_a_person_just_as_one_takes_over_does_not_send_them_away(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True))
    for _ in range(10):
        first = (await server.say("Hi")).json()

        await asyncio.gather(
            post(server, "handoff", first), post(server, "state", first, state="teammate", teammate="Dana")
        )

        assert (await post(server, "reply", first, message="Here I am")).status_code == 200


async def test_a_teammate_s_message_that_comes_twice_at_once_is_stored_once(
    make_server: ServerFactory,
) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]))
    first = (await server.say("Hi")).json()
    await post(server, "state", first, state="teammate")

    answers = await asyncio.gather(
        *(post(server, "reply", first, message="Hello", message_id="m1") for _ in range(8))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["message"]["id"] for answer in answers}) == 1
    assert [author for author, _ in await said(server, first)] == ["visitor", "ai", "teammate"]


async def test_no_answer_follows_when_a_conversation_is_closed_while_the_ai_works(
    make_server: ServerFactory,
) -> None:
    gate = asyncio.Event()
    provider = ScriptedProvider(["Hello!"], ["I think that ", gate, "never said"])
    server = await make_server(provider)
    first = (await server.say("Hi")).json()
    stream = asyncio.create_task(
        server.http.post(
            "/chat/message",
            json={"message": "Where is it?", "session_id": first["session_id"]},
            headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
        )
    )
    await provider.called(2)

    closed = await post(server, "state", first, state="closed")

    assert closed.json()["state"] == "closed"
    events = sse_events((await stream).text)
    assert [name for name, _ in events][-3:] == ["text.reset", "handoff", "turn.completed"]
    assert events[-2][1] == {"state": "closed"}
    assert await said(server, first) == [("visitor", "Hi"), ("ai", "Hello!"), ("visitor", "Where is it?")]


async def test_a_closed_conversation_changes_hands_no_more(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]))
    first = (await server.say("Hi")).json()
    await post(server, "end", first)

    refusals = [
        await post(server, "handoff", first),
        *[await post(server, "state", first, state=state) for state in ("ai", "queued", "teammate")],
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in refusals} == {
        (409, "conversation_ended")
    }
    assert (await post(server, "state", first, state="closed")).json()["state"] == "closed"


@pytest.mark.parametrize("path", ["state", "reply"])
async def test_a_page_cannot_act_for_teammates(make_server: ServerFactory, path: str) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]))
    first = (await server.say("Hi")).json()
    body = {"state": {"state": "teammate"}, "reply": {"message": "I am a teammate"}}[path]

    refused = await server.http.post(
        f"/chat/{path}", json={"session_id": first["session_id"], **body}, headers=server.as_page(first)
    )

    assert (refused.status_code, refused.json()["code"]) == (403, "secret_key_needed")


@pytest.mark.parametrize("path", ["handoff", "state", "reply"])
async def test_another_client_s_conversation_is_as_unknown_as_none(
    make_server: ServerFactory, path: str
) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]))
    first = (await server.say("Hi")).json()
    other = await server.add_client()
    body = {"handoff": {}, "state": {"state": "teammate"}, "reply": {"message": "Hi"}}[path]

    def ask(session_id: str) -> Any:
        return server.http.post(
            f"/chat/{path}",
            json={"session_id": session_id, **body},
            headers={"X-API-Key": other.secret_key, "X-Request-ID": "same"},
        )

    theirs, unknown = await ask(first["session_id"]), await ask(str(uuid4()))

    assert theirs.status_code == unknown.status_code == 404
    assert {**theirs.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    assert [row["state"] for row in await server.rows(Conversation)] == ["ai"]


async def test_plugins_hear_of_a_conversation_that_leaves_the_ai_once(make_server: ServerFactory) -> None:
    heard: list[event.Handoff] = []

    class Listener:
        @hookimpl
        async def handoff(self, event: event.Handoff) -> None:
            heard.append(event)

    server = await make_server(ScriptedProvider(["Hello!"]), plugins={"listener": Listener()})
    first = (await server.say("Hi")).json()

    await post(server, "handoff", first, reason="a person, please")
    await post(server, "handoff", first, reason="hello?")
    await post(server, "state", first, state="teammate")
    await post(server, "state", first, state="ai")

    (conversation,) = await server.rows(Conversation)
    ids = server.client.id, conversation["id"]
    assert heard == [
        event.Handoff(*ids, "queued", "a person, please"),
        event.Handoff(*ids, "teammate", ""),
    ]


@pytest.mark.parametrize("is_given_back", [False, True])
async def test_a_turn_whose_process_died_says_nothing_after_a_takeover(
    make_server: ServerFactory, is_given_back: bool
) -> None:
    bookings = Bookings()
    provider = ScriptedProvider([ToolCall("c", "book", {"slot": "ten"})], ["Booked."], ["And now?"])
    server = await make_server(provider, tools=[bookings.tool], context_cache_s=0)
    key = str(uuid4())
    begun = (await server.say("Book ten", key=key)).json()
    past = server.services.clock.now() - timedelta(seconds=1)
    async with server.services.database.write() as transaction:
        # As a process leaves it that is killed after the tool and before the end.
        await transaction.execute(
            update(Conversation).values(
                lease_turn_id=begun["turn_id"], lease_expires_at=past, message_count=0
            )
        )
        await transaction.execute(update(Turn).values(status="running", outcome=None))
        await transaction.execute(update(ToolExecution).values(status="intended"))
        await transaction.execute(delete(Message).where(Message.role == "assistant"))
    server.services.live.streams.clear()
    await post(server, "state", begun, state="teammate")
    if is_given_back:
        await post(server, "state", begun, state="ai")

    assert await server.services.abandonment.sweep() == 1

    repeat = (await server.say("Book ten", key=key)).json()
    assert (repeat["status"], repeat["message"]["content"]) == ("handed_off", "")
    assert await said(server, begun) == [("visitor", "Book ten")]
    (conversation,) = await server.rows(Conversation)
    assert (conversation["message_count"], conversation["lease_turn_id"]) == (1, None)
    await post(server, "state", begun, state="ai")
    assert (await server.say("Is it booked?", begun)).json()["status"] == "completed"
    results = [each for each in provider.requests[-1].messages if isinstance(each, ToolMessage)]
    assert [result.content for each in results for result in each.results] == [UNKNOWN_OUTCOME]
