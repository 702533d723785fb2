"""A visitor hears at once of teammates, of the queue and of the end, over whatever breaks on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from csai.handoffs.news import Mark
from csai.kit.identifier import new_id
from csai.models import Conversation, FollowUp
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.server import Server, ServerFactory

PATIENCE_S = 30.0


class Stream:
    """A connection that stays open, as a browser has it; the test client would wait for its end."""

    def __init__(self, server: Server, answer: Any, query: str = "live=true", **headers: str) -> None:
        transport = server.http._transport
        assert isinstance(transport, httpx.ASGITransport)
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = ""
        self._has_left = asyncio.Event()
        self.status = 0
        self.last_id = ""
        sent = {"X-API-Key": server.client.secret_key, **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/chat/events/{answer['session_id']}",
            "raw_path": b"",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("csai.test", 80),
        }
        self._task = asyncio.create_task(self._run(transport.app, scope))

    async def _run(self, app: Callable[..., Awaitable[None]], scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        finally:
            self._chunks.put_nowait(None)

    async def _receive(self) -> dict[str, Any]:
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._chunks.put_nowait(message.get("body", b""))

    async def block(self) -> str | None:
        """The next piece between empty lines; None at the end."""
        while "\n\n" not in self._rest:
            async with asyncio.timeout(PATIENCE_S):
                chunk = await self._chunks.get()
            if chunk is None:
                return None
            self._rest += chunk.decode()
        block, self._rest = self._rest.split("\n\n", 1)
        return block

    async def opened(self) -> Stream:
        assert await self.block() == ": following", self.status
        return self

    async def event(self) -> tuple[str, Any] | None:
        """Name and data of the next event; None at the end."""
        while (block := await self.block()) is not None:
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "id" in fields:
                self.last_id = fields["id"]
            if "event" in fields:
                return fields["event"], json.loads(fields["data"])
        return None

    async def rest(self) -> list[tuple[str, Any]]:
        """All events up to the end."""
        return [event async for event in self]

    async def __aiter__(self) -> AsyncIterator[tuple[str, Any]]:
        while (event := await self.event()) is not None:
            yield event

    async def leave(self) -> None:
        self._has_left.set()
        await self._task


@pytest.fixture
async def server(make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> Server:
    # Only what is told is heard of: nothing here waits for the next look.
    monkeypatch.setattr("csai.kit.feed.POLL_S", PATIENCE_S)
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


async def post(server: Server, path: str, answer: Any, **body: Any) -> Any:
    response = await server.http.post(
        f"/chat/{path}",
        json={"session_id": answer["session_id"], **body},
        headers={"X-API-Key": server.client.secret_key},
    )
    assert response.status_code == 200, response.text
    return response.json()


async def begun(server: Server) -> Any:
    return (await server.say("Hi")).json()


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


async def test_a_silent_connection_shows_that_it_lives(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csai.kit.feed.BEAT_S", 0.01)
    answer = await begun(server)
    stream = await Stream(server, answer).opened()
    await stream.event()

    assert [await stream.block() for _ in range(3)] == [": still here"] * 3
    await stream.leave()


async def test_a_connection_ends_after_a_while(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csai.handoffs.feed.LONGEST_S", 0.0)
    stream = await Stream(server, await begun(server)).opened()

    assert [name for name, _ in await stream.rest()] == ["handoff"]


async def test_without_asking_only_a_conversation_that_waits_is_followed(server: Server) -> None:
    answer = await begun(server)
    path = f"/chat/events/{answer['session_id']}"
    idle = await server.http.get(path, headers={"X-API-Key": server.client.secret_key})
    await post(server, "handoff", answer)

    stream = await Stream(server, answer, "").opened()

    assert idle.status_code == 204
    assert (await stream.event() or ("", {}))[1]["state"] == "queued"
    await stream.leave()


async def test_nobody_takes_all_the_places(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), live_connections=20)
    answers = [await begun(server) for _ in range(3)]
    tabs = [await Stream(server, answers[0]).opened() for _ in range(8)]
    headers = {"X-API-Key": server.client.secret_key}

    ninth = await server.http.get(f"/chat/events/{answers[0]['session_id']}?live=true", headers=headers)
    others = [await Stream(server, answer).opened() for answer in answers[1:]]
    another = await server.http.get(f"/chat/events/{answers[1]['session_id']}?live=true", headers=headers)

    assert (ninth.status_code, ninth.json()["code"]) == (429, "too_many_connections")
    assert (another.status_code, another.json()["code"]) == (503, "too_many_connections")
    assert {each.headers["retry-after"] for each in (ninth, another)} == {"30"}
    for stream in (*tabs, *others):
        await stream.leave()
    # Nothing is kept of those who left, and nobody looks after them.
    assert (server.services.feed.count, server.services.feed._snapshots) == (0, {})
    again = await Stream(server, answers[0]).opened()
    await again.leave()


async def test_a_server_that_is_told_to_stop_lets_its_followers_go(server: Server) -> None:
    answer = await begun(server)
    stream = await Stream(server, answer).opened()
    await stream.event()

    server.services.feed.end()

    assert await stream.event() is None
    refused = await server.http.get(
        f"/chat/events/{answer['session_id']}?live=true", headers={"X-API-Key": server.client.secret_key}
    )
    assert refused.status_code == 503


async def test_another_session_s_and_another_client_s_are_not_found(server: Server) -> None:
    mine, other = await begun(server), await begun(server)
    stranger = await server.add_client(name="Second")
    path = f"/chat/events/{mine['session_id']}?live=true"

    answers = [
        await server.http.get(
            path, headers=server.as_page({**mine, "session_token": other["session_token"]})
        ),
        await server.http.get(path, headers={"X-API-Key": stranger.secret_key}),
        await server.http.get(f"/chat/events/{new_id()}?live=true", headers=server.as_page(mine)),
    ]

    assert {each.status_code for each in answers} == {404}


@pytest.mark.parametrize(
    "text",
    ["", "live:", "live:1.ai.0", "live:-1.ai.0.0", "live:1.on.0.0", "live:" + "9" * 40, "live:١.ai.0.0"],
)
async def test_what_is_no_mark_begins_anew(server: Server, text: str) -> None:
    answer = await begun(server)
    assert Mark.parse(text) is None

    sent = {"Last-Event-ID": text} if text.isascii() else {}
    stream = await Stream(server, answer, **sent).opened()

    assert (await stream.event() or ("", {}))[0] == "handoff"
    await stream.leave()
