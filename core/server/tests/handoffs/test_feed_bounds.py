"""Who may follow a conversation, how many do at once, and for how long."""

from __future__ import annotations

import pytest
from csai.handoffs.news import Mark
from csai.kit.identifier import new_id
from csai_testkit.scripted import ScriptedProvider

from core.server.tests.handoffs.live_stream import PATIENCE_S, Stream, begun, post
from tests.support.server import Server, ServerFactory


@pytest.fixture
async def server(make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> Server:
    # Only what is told is heard of: nothing here waits for the next look.
    monkeypatch.setattr("csai.kit.feed.POLL_S", PATIENCE_S)
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


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
