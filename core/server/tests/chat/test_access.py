"""Who may ask, from where, how often, and what a page may see."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from csai.models import ApiKey, Client, Conversation, Turn
from csai_sdk import ToolCall
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.server import ORIGIN, Server, ServerFactory, sse_events
from tests.support.tools import look_up

NAUGHTY = Path(__file__).resolve().parents[5] / "shared" / "vectors" / "strings" / "blns.json"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "key_missing"),
        ({"X-API-Key": "pk_wrong"}, 401, "key_invalid"),
        ({"X-API-Key": "\xe9"}, 401, "key_invalid"),
        ({"X-API-Key": "PUBLISHABLE"}, 403, "origin_missing"),
        ({"X-API-Key": "PUBLISHABLE", "Origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"X-API-Key": "PUBLISHABLE", "Origin": "null"}, 403, "origin_not_allowed"),
        ({"X-API-Key": "PUBLISHABLE", "Sec-Fetch-Site": "cross-site"}, 403, "origin_missing"),
    ],
)
async def test_a_wrong_key_or_origin_is_refused_and_nothing_stored(
    echo_server: Server, headers: dict[str, str], status: int, code: str
) -> None:
    headers = {
        name: value.replace("PUBLISHABLE", echo_server.client.publishable_key)
        for name, value in headers.items()
    }
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    refused = await echo_server.http.post("/chat/message", json={"message": "Hi"}, headers=raw)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["content-type"] == PROBLEM
    assert await echo_server.rows(Turn) == []


async def test_a_page_of_the_client_may_use_its_key(echo_server: Server) -> None:
    answered = await echo_server.http.post(
        "/chat/message", json={"message": "Hi"}, headers=echo_server.as_page()
    )

    assert answered.status_code == 200
    assert answered.headers["access-control-allow-origin"] == ORIGIN
    assert "origin" in answered.headers["vary"].lower()


async def test_a_page_of_the_server_itself_sends_no_origin_and_may_read(echo_server: Server) -> None:
    begun = (await echo_server.say("Hi")).json()
    headers = echo_server.as_page(begun)
    del headers["Origin"]

    read = await echo_server.http.get(
        f"/chat/history/{begun['session_id']}", headers={**headers, "Sec-Fetch-Site": "same-origin"}
    )

    assert read.status_code == 200


async def test_an_expired_key_is_refused(echo_server: Server) -> None:
    past = echo_server.services.clock.now() - timedelta(seconds=1)
    async with echo_server.services.database.write() as transaction:
        await transaction.execute(update(ApiKey).values(expires_at=past))

    assert (await echo_server.say("Hi")).json()["code"] == "key_invalid"


async def test_a_deactivated_client_is_refused(echo_server: Server) -> None:
    async with echo_server.services.database.write() as transaction:
        await transaction.execute(update(Client).values(status="inactive"))

    refused = await echo_server.say("Hi")

    assert (refused.status_code, refused.json()["code"]) == (403, "client_inactive")


async def test_preflights_always_answer_and_errors_can_be_read_by_any_page(echo_server: Server) -> None:
    preflight = await echo_server.http.options(
        "/chat/message",
        headers={
            "Origin": "https://anywhere.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-api-key,idempotency-key",
        },
    )
    refused = await echo_server.http.post(
        "/chat/message", json={}, headers={"Origin": "https://anywhere.example"}
    )

    assert preflight.status_code == 204
    assert "x-session-token" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["access-control-allow-origin"] == "https://anywhere.example"
    assert refused.headers["access-control-allow-origin"] == "https://anywhere.example"
    assert "access-control-allow-credentials" not in refused.headers


async def test_a_page_sees_no_costs_and_no_arguments(make_server: ServerFactory) -> None:
    script = [ToolCall("c", "look_up", {"order_id": "ORD-1"})], ["Shipped."]
    server = await make_server(ScriptedProvider(*script, *script), tools=[look_up])

    plain = await server.http.post("/chat/message", json={"message": "?"}, headers=server.as_page())
    streamed = await server.http.post(
        "/chat/message", json={"message": "?"}, headers=server.as_page(Accept="text/event-stream")
    )

    for answer in (plain.json(), sse_events(streamed.text)[-1][1]):
        assert "usage" not in answer
        (call,) = answer["tool_calls"]
        assert set(call) == {"id", "name", "success", "duration_ms"}
    assert "ORD-1" not in streamed.text


@pytest.mark.parametrize("token", [None, "wrong", "TOKEN_OF_ANOTHER_SESSION"])
async def test_a_page_cannot_reach_a_session_without_its_token(
    echo_server: Server, token: str | None
) -> None:
    mine = (await echo_server.say("secret words")).json()
    other = (await echo_server.say("other")).json()
    headers = echo_server.as_page()
    if token is not None:
        headers["X-Session-Token"] = token.replace("TOKEN_OF_ANOTHER_SESSION", other["session_token"])
    session = mine["session_id"]

    refused = [
        await echo_server.http.get(f"/chat/history/{session}", headers=headers),
        await echo_server.http.get(f"/chat/transcript/{session}", headers=headers),
        await echo_server.http.get(f"/chat/events/{session}", headers=headers),
        await echo_server.http.post("/chat/end", json={"session_id": session}, headers=headers),
        await echo_server.http.post("/chat/stop", json={"session_id": session}, headers=headers),
        await echo_server.http.post(
            "/chat/message", json={"message": "Hi", "session_id": session}, headers=headers
        ),
    ]

    assert {(response.status_code, response.json()["code"]) for response in refused} == {(404, "not_found")}
    assert not any("secret words" in response.text for response in refused)


async def test_another_clients_session_answers_exactly_as_an_unknown_one(echo_server: Server) -> None:
    mine = (await echo_server.say("secret words")).json()
    stranger = await echo_server.add_client()
    headers = {"X-API-Key": stranger.secret_key}

    def shape(body: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in body.items() if key != "request_id"}

    for path in ("/chat/history/{}", "/chat/transcript/{}", "/chat/events/{}"):
        foreign = await echo_server.http.get(path.format(mine["session_id"]), headers=headers)
        unknown = await echo_server.http.get(path.format(uuid4()), headers=headers)
        assert (foreign.status_code, shape(foreign.json())) == (404, shape(unknown.json()))
    for path in ("/chat/message", "/chat/end", "/chat/stop"):
        body = {"session_id": mine["session_id"]} | ({"message": "x"} if path == "/chat/message" else {})
        foreign = await echo_server.http.post(path, json=body, headers=headers)
        unknown = await echo_server.http.post(path, json=body | {"session_id": str(uuid4())}, headers=headers)
        assert (foreign.status_code, shape(foreign.json())) == (404, shape(unknown.json()))
    (conversation,) = await echo_server.rows(Conversation)
    assert conversation["ended_at"] is None


async def test_another_clients_idempotency_key_replays_nothing(echo_server: Server) -> None:
    key = str(uuid4())
    mine = (await echo_server.say("Hi", key=key)).json()
    stranger = await echo_server.add_client(settings={"provider": "scripted"})

    theirs = (await echo_server.say("Hi", client=stranger, key=key)).json()

    assert theirs["turn_id"] != mine["turn_id"]


async def test_a_client_has_its_messages_a_minute(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), rate_limit_client=3)
    other = await server.add_client(settings={"provider": "scripted"})
    codes = [(await server.say("Hi")).status_code for _ in range(4)]

    refused = await server.say("Hi")

    assert codes == [200, 200, 200, 429]
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await server.say("Hi", client=other)).status_code == 200
    assert len(await server.rows(Turn, client_id=server.client.id)) == 3


async def test_a_visitor_has_fewer_and_repeats_are_free(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), rate_limit_visitor=2)
    answer = (await server.say("Hi")).json()
    codes = [(await server.say("Hi", answer, key=f"k{n}")).status_code for n in range(3)]

    assert codes == [200, 200, 429]
    assert (await server.say("Hi", answer, key="k0")).status_code == 200
