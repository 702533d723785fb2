"""A visitor hears at once of teammates, of the queue and of the end, over whatever breaks on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from csai.kit.identifier import new_id
from csai.models import Conversation, FollowUp
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from core.server.tests.handoffs.live_stream import PATIENCE_S, Stream, begun, post
from tests.support.server import Server, ServerFactory


@pytest.fixture
async def server(make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> Server:
    # Only what is told is heard of: nothing here waits for the next look.
    monkeypatch.setattr("csai.kit.feed.POLL_S", PATIENCE_S)
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


async def test_a_handover_is_told_from_the_queue_to_the_end(server: Server) -> None:
    answer = await begun(server)
    stream = await Stream(server, answer).opened()
    assert await stream.event() == ("handoff", {"state": "ai", "teammate": None, "since": None})

    asked = await post(server, "handoff", answer)
    assert await stream.event() == (
        "handoff",
        {"state": "queued", "teammate": None, "since": asked["since"]},
    )
    assert await stream.event() == ("handoff.queue", {"position": 1})
    await post(server, "state", answer, state="teammate", teammate="Dana")
    assert await stream.event() == ("teammate.joined", {"teammate": "Dana"})
    name, data = await stream.event() or ("", {})
    assert (name, data["state"], data["teammate"]) == ("handoff", "teammate", "Dana")
    said = await post(server, "reply", answer, message="Shalom, I am Dana.\n\nHow are you?")
    assert await stream.event() == ("teammate.message", {"message": said["message"]})
    await post(server, "state", answer, state="ai")
    assert await stream.event() == ("teammate.left", {})
    name, data = await stream.event() or ("", {})
    assert (name, data["state"], data["teammate"]) == ("handoff", "ai", None)
    await server.say("Thank you", answer)
    await post(server, "end", answer)
    name, data = await stream.event() or ("", {})
    assert (name, data["state"]) == ("conversation.ended", "closed")
    assert await stream.event() is None
    assert server.services.feed.count == 0


async def test_what_a_visitor_is_told_counts_as_read_and_what_their_server_is_told_does_not(
    server: Server,
) -> None:
    headers = {**server.as_page(), "Idempotency-Key": new_id()}
    answer = (await server.http.post("/chat/message", json={"message": "Hi"}, headers=headers)).json()
    await post(server, "handoff", answer, email="ada@example.com")
    await post(server, "state", answer, state="teammate", teammate="Dana")
    by_server = await Stream(server, answer).opened()
    await by_server.event()
    await post(server, "reply", answer, message="One.")
    await by_server.event()
    await by_server.leave()
    (waiting,) = await server.rows(FollowUp)
    visitor = await Stream(server, answer, **server.as_page(answer)).opened()
    await visitor.event()
    await post(server, "reply", answer, message="Two.")
    await visitor.event()
    await post(server, "end", answer)
    await visitor.rest()

    (read,) = await server.rows(FollowUp)
    assert (waiting["read_seq"], read["read_seq"]) == (2, 4)


async def test_what_was_told_is_not_told_again_and_the_rest_is(server: Server) -> None:
    answer = await begun(server)
    await post(server, "state", answer, state="teammate", teammate="Dana")
    stream = await Stream(server, answer).opened()
    await stream.event()
    await post(server, "reply", answer, message="One")
    await stream.event()
    await stream.leave()
    assert server.services.feed.count == 0
    for text in ("Two", "Three"):
        await post(server, "reply", answer, message=text)
    await post(server, "end", answer)

    # Without `live=true`: the mark says what is meant.
    back = await Stream(server, answer, "", **{"Last-Event-ID": stream.last_id}).opened()
    told = await back.rest()
    over = await server.http.get(
        f"/chat/events/{answer['session_id']}",
        headers={"X-API-Key": server.client.secret_key, "Last-Event-ID": back.last_id},
    )

    assert [(name, data.get("message", {}).get("content")) for name, data in told] == [
        ("teammate.message", "Two"),
        ("teammate.message", "Three"),
        ("conversation.ended", None),
    ]
    assert over.status_code == 204


@pytest.mark.parametrize("cut", range(5))
async def test_a_connection_that_breaks_anywhere_loses_nothing(server: Server, cut: int) -> None:
    answer = await begun(server)
    history = await server.http.get(
        f"/chat/history/{answer['session_id']}", headers={"X-API-Key": server.client.secret_key}
    )
    await post(server, "state", answer, state="teammate", teammate="Dana")
    await post(server, "reply", answer, message="One")
    await post(server, "reply", answer, message="Two")
    await post(server, "end", answer)
    resumed = {"Last-Event-ID": history.json()["live_id"]}
    whole = await (await Stream(server, answer, **resumed).opened()).rest()

    first = await Stream(server, answer, **resumed).opened()
    told = [await first.event() for _ in range(min(cut, len(whole)))]
    await first.leave()
    seen = {"Last-Event-ID": first.last_id or history.json()["live_id"]}
    path = f"/chat/events/{answer['session_id']}?live=true"
    rest = await server.http.get(path, headers={"X-API-Key": server.client.secret_key, **seen})

    names = [event[0] for event in told if event] + [
        line[7:] for line in rest.text.splitlines() if line.startswith("event: ")
    ]
    assert [name for name, _data in whole] == ["teammate.message", "teammate.message", "conversation.ended"]
    assert names == ["teammate.message", "teammate.message", "conversation.ended"]


async def test_what_is_said_between_history_and_stream_is_told(server: Server) -> None:
    answer = await begun(server)
    await post(server, "state", answer, state="teammate", teammate="Dana")
    history = await server.http.get(
        f"/chat/history/{answer['session_id']}", headers={"X-API-Key": server.client.secret_key}
    )
    await post(server, "reply", answer, message="One")

    stream = await Stream(server, answer, **{"Last-Event-ID": history.json()["live_id"]}).opened()

    name, data = await stream.event() or ("", {})
    assert (name, data["message"]["content"]) == ("teammate.message", "One")
    await stream.leave()


async def test_another_server_s_news_are_heard_too(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await make_server(ScriptedProvider(["Hello!"], is_endless=True))
    second = await make_server(ScriptedProvider(["Hello!"], is_endless=True))
    second.client = first.client
    answer = await begun(first)
    stream = await Stream(first, answer).opened()
    await stream.event()

    await post(second, "state", answer, state="teammate", teammate="Dana")
    await post(second, "reply", answer, message="One")

    names = [(await stream.event() or ("", {}))[0] for _ in range(3)]
    assert names == ["teammate.joined", "handoff", "teammate.message"]
    await stream.leave()
    # Whoever resumes may be any process.
    await post(first, "reply", answer, message="Two")
    back = await Stream(second, answer, **{"Last-Event-ID": stream.last_id}).opened()
    assert (await back.event() or ("", {}))[1]["message"]["content"] == "Two"
    await back.leave()


async def test_the_queue_moves_up(server: Server) -> None:
    answers = [await begun(server) for _ in range(3)]
    stranger = await server.add_client(name="Second")
    theirs = (await server.say("Hi", client=stranger)).json()
    await server.http.post(
        "/chat/handoff",
        json={"session_id": theirs["session_id"]},
        headers={"X-API-Key": stranger.secret_key},
    )
    for answer in answers:
        await post(server, "handoff", answer)
    # Whoever came a day before has gone.
    gone = await begun(server)
    await post(server, "handoff", gone)
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Conversation)
            .where(Conversation.session_id == gone["session_id"])
            .values(state_since=server.services.clock.now() - timedelta(hours=25))
        )
    stream = await Stream(server, answers[2]).opened()
    assert (await stream.event() or ("", {}))[0] == "handoff"
    assert await stream.event() == ("handoff.queue", {"position": 3})

    await post(server, "state", answers[0], state="teammate", teammate="Dana")
    server.services.feed._feed.look_now()
    assert await stream.event() == ("handoff.queue", {"position": 2})
    await post(server, "end", answers[1])
    server.services.feed._feed.look_now()
    assert await stream.event() == ("handoff.queue", {"position": 1})
    await post(server, "state", answers[2], state="teammate")
    assert [(await stream.event() or ("", {}))[0] for _ in range(2)] == ["teammate.joined", "handoff"]
    await stream.leave()
