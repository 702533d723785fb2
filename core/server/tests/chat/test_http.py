"""The chat's HTTP contract: keys, origins, sessions, problems, and what a page may see."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from csai.database import Database
from csai.models import ApiKey, Client, Conversation, Message, Turn
from csai_sdk import ToolCall, tool
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.server import ORIGIN, Server, ServerFactory, sse_events

NAUGHTY = Path(__file__).resolve().parents[5] / "shared" / "vectors" / "strings" / "blns.json"
PROBLEM = "application/problem+json"


@tool(read_only=True)
def look_up(order_id: str) -> str:
    """Looks an order up."""
    return "shipped"


# -- keys and origins ---------------------------------------------------------------------------------------


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


# -- what a page may see ------------------------------------------------------------------------------------


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


# -- what is no message -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_invalid"),
        (b"{", 400, "json_invalid"),
        (b'{"message": "\xff"}', 400, "json_invalid"),
        (b'{"message": "\\ud800"}', 400, "json_invalid"),
        (b"[]", 422, "request_invalid"),
        (b"{}", 422, "request_invalid"),
        (b'{"message": null}', 422, "request_invalid"),
        (b'{"message": 7}', 422, "request_invalid"),
        (b'{"message": ["Hi"]}', 422, "request_invalid"),
        (b'{"message": "Hi", "session_id": 7}', 422, "request_invalid"),
        (b'{"message": "Hi", "metadata": []}', 422, "request_invalid"),
        (b'{"message": "Hi", "surprise": 1}', 422, "request_invalid"),
        (b'{"message": "a\\u0000b"}', 422, "request_invalid"),
        (b'{"message": "Hi", "user_identifier": "a\\u0000b"}', 422, "request_invalid"),
        (b'{"message": "Hi", "metadata": {"page": ["a\\u0000"]}}', 422, "request_invalid"),
        (b'{"message": "Hi", "metadata": {"a\\u0000": 1}}', 422, "request_invalid"),
        (b'{"message": ""}', 422, "message_empty"),
        (b'{"message": " \\n\\t"}', 422, "message_empty"),
        (b'{"message": "' + b"x" * 16_001 + b'"}', 422, "message_too_long"),
        (b'{"message": "' + b"x" * 300_000 + b'"}', 413, "body_too_large"),
        (b'{"message": "Hi", "session_id": "no-such-session"}', 404, "not_found"),
        (b'{"message": "Hi", "session_id": "8d5c4fc5-0f0a-4b62-ae29-6a3f36b0c1b1"}', 404, "not_found"),
        (b'{"message": "Hi", "message_id": "guessable-1"}', 422, "idempotency_key_not_uuid"),
        (b'{"message": "Hi", "message_id": ""}', 422, "request_invalid"),
        (b'{"message": "Hi", "user_token": "no.jwt.here"}', 401, "user_token_invalid"),
    ],
)
async def test_bad_input_is_a_problem_that_says_what_to_do_and_stores_nothing(
    echo_server: Server, body: bytes, status: int, code: str
) -> None:
    refused = await echo_server.http.post(
        "/chat/message", content=body, headers={"X-API-Key": echo_server.client.secret_key}
    )

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (status, code)
    assert refused.headers["content-type"] == PROBLEM
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == refused.headers["x-request-id"]
    assert await echo_server.rows(Turn) == []
    assert await echo_server.rows(Message) == []
    assert await echo_server.rows(Conversation) == []


async def test_a_body_without_a_length_is_cut_off_at_the_limit(echo_server: Server) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 10_000_000:
            sent += 10_000
            yield b"x" * 10_000

    refused = await echo_server.http.post(
        "/chat/message", content=endless(), headers={"X-API-Key": echo_server.client.secret_key}
    )

    assert refused.json()["code"] == "body_too_large"
    assert sent < 1_000_000


async def test_the_two_places_of_the_idempotency_key_must_agree(echo_server: Server) -> None:
    refused = await echo_server.say("Hi", key=str(uuid4()), message_id=str(uuid4()))

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_mismatch")


@pytest.mark.parametrize(
    "session", ["%00", "..%2f..%2fetc", "x" * 5000, "8d5c4fc5-0f0a-4b62-ae29-6a3f36b0c1b1'--"]
)
async def test_a_session_id_that_is_none_is_unknown(echo_server: Server, session: str) -> None:
    headers = {"X-API-Key": echo_server.client.secret_key}

    assert (await echo_server.http.get(f"/chat/history/{session}", headers=headers)).status_code == 404


@pytest.mark.parametrize("path", ["/nothing", "/chat/nothing", "/chat/history"])
async def test_an_unknown_address_is_a_problem_too(echo_server: Server, path: str) -> None:
    missing = await echo_server.http.get(path)

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_naughty_strings_come_back_unchanged_or_are_refused_cleanly(make_server: ServerFactory) -> None:
    if not NAUGHTY.exists():
        pytest.skip("the shared test vectors are not beside the project")
    strings = json.loads(NAUGHTY.read_text())

    def echo(request: Any) -> list[str]:
        return [request.messages[-1].text]

    server = await make_server(ScriptedProvider(echo, is_endless=True))
    refused = 0
    for text in strings:
        answered = await server.say(text, user_identifier=text[:200], metadata={"page": text})
        if answered.status_code != 200:
            assert answered.status_code == 422
            assert answered.json()["code"] in {"message_empty", "request_invalid"}
            refused += 1
            continue
        answer = answered.json()
        assert answer["message"]["content"] == text
        read = await server.http.get(
            f"/chat/history/{answer['session_id']}", headers={"X-API-Key": server.client.secret_key}
        )
        assert [message["content"] for message in read.json()["messages"]] == [text, text]
    assert refused < 10
    stored = {row["user_identifier"] for row in await server.rows(Conversation)}
    assert len(stored) > len(strings) - 30


# -- the other routes ---------------------------------------------------------------------------------------


async def test_a_conversation_is_read_back_page_by_page(echo_server: Server) -> None:
    answer = (await echo_server.say("0")).json()
    for number in range(1, 55):
        await echo_server.say(str(number), answer)
    headers = {"X-API-Key": echo_server.client.secret_key}
    path = f"/chat/history/{answer['session_id']}"

    first = (await echo_server.http.get(path, headers=headers)).json()
    second = (await echo_server.http.get(path, params={"after": first["next"]}, headers=headers)).json()

    messages = first["messages"] + second["messages"]
    assert (len(first["messages"]), second["next"]) == (100, None)
    assert [m["content"] for m in messages if m["role"] == "user"] == [str(n) for n in range(55)]


async def test_an_ended_conversation_takes_no_more_messages_but_can_be_read(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()
    headers = {"X-API-Key": echo_server.client.secret_key}
    for _ in range(2):
        ended = await echo_server.http.post(
            "/chat/end", json={"session_id": answer["session_id"]}, headers=headers
        )
        assert ended.json() == {"session_id": answer["session_id"], "status": "ended"}

    refused = await echo_server.say("More", answer)

    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended")
    read = await echo_server.http.get(f"/chat/history/{answer['session_id']}", headers=headers)
    assert len(read.json()["messages"]) == 2


async def test_a_repeat_in_an_ended_conversation_still_gets_its_answer(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()
    original = await echo_server.say("More", answer, key="k-1")
    await echo_server.http.post(
        "/chat/end",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": echo_server.client.secret_key},
    )

    assert (await echo_server.say("More", answer, key="k-1")).json() == original.json()


async def test_a_transcript_is_a_text_to_download(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi there")).json()

    text = await echo_server.http.get(
        f"/chat/transcript/{answer['session_id']}", headers=echo_server.as_page(answer)
    )

    assert text.headers["content-type"].startswith("text/plain")
    assert "attachment" in text.headers["content-disposition"]
    assert "Visitor: Hi there" in text.text
    assert "Shop (AI): Hello!" in text.text


async def test_a_turn_can_be_stopped_and_keeps_what_it_said(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hello."], ["So far ", asyncio.Event()], ["Next."])
    server = await make_server(provider)
    answer = (await server.say("one")).json()
    running = asyncio.create_task(server.say("two", answer))
    await provider.called(2)
    await asyncio.sleep(0)

    stopped = await server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": server.client.secret_key},
    )

    assert stopped.json()["stopped"] is True
    outcome = (await running).json()
    assert (outcome["status"], outcome["message"]["content"]) == ("stopped", "So far ")
    assert (await server.say("three", answer)).json()["message"]["content"] == "Next."


async def test_a_turn_that_another_process_runs_can_be_stopped_and_followed(
    make_server: ServerFactory,
) -> None:
    provider = ScriptedProvider(["Hello."], ["So far", asyncio.Event()])
    server = await make_server(provider)
    answer = (await server.say("one")).json()
    running = asyncio.create_task(server.say("two", answer))
    await provider.called(2)
    # What makes a turn another process's is that this one's memory does not hold it.
    live = server.services.live
    here, live._by_session, live.streams = live._by_session, {}, {}
    following = asyncio.create_task(
        server.http.get(f"/chat/events/{answer['session_id']}", headers=server.as_page(answer))
    )

    stopped = await server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": server.client.secret_key},
    )

    assert stopped.json()["stopped"] is True
    assert (await running).json()["status"] == "stopped"
    ((name, seen),) = sse_events((await following).text)
    assert (name, seen["status"], seen["message"]["content"]) == ("turn.completed", "stopped", "So far")
    live._by_session = here


async def test_stopping_where_nothing_runs_changes_nothing(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()

    stopped = await echo_server.http.post(
        "/chat/stop",
        json={"session_id": answer["session_id"]},
        headers={"X-API-Key": echo_server.client.secret_key},
    )

    assert stopped.json() == {"session_id": answer["session_id"], "stopped": False}


async def test_the_stream_tells_the_same_story_as_the_answer(make_server: ServerFactory) -> None:
    server = await make_server(
        ScriptedProvider(["A ", ToolCall("c", "look_up", {"order_id": "1"})], ["B ", "C"]), tools=[look_up]
    )
    key = str(uuid4())
    headers = {"X-API-Key": server.client.secret_key, "Idempotency-Key": key}

    streamed = await server.http.post(
        "/chat/message", json={"message": "?"}, headers={**headers, "Accept": "text/event-stream"}
    )
    answer = (await server.http.post("/chat/message", json={"message": "?"}, headers=headers)).json()

    events = sse_events(streamed.text)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in events if name != "text.delta"] == [
        "turn.started",
        "tool.started",
        "tool.finished",
        "turn.completed",
    ]
    assert "".join(data["text"] for name, data in events if name == "text.delta") == "A \n\nB C"
    assert events[-1][1] == answer
    assert answer["message"]["content"] == "A \n\nB C"
    ids = [line[4:] for line in streamed.text.splitlines() if line.startswith("id: ")]
    assert ids == [f"{answer['turn_id']}:{number}" for number in range(1, len(events) + 1)]


async def test_a_lost_stream_is_resumed_after_the_last_event_seen(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["A ", "B ", "C"]))
    headers = server.as_page(Accept="text/event-stream")
    whole = (await server.http.post("/chat/message", json={"message": "?"}, headers=headers)).text
    answer = sse_events(whole)[-1][1]
    turn = answer["turn_id"]

    rest = await server.http.get(
        f"/chat/events/{answer['session_id']}",
        headers=server.as_page(answer, **{"Last-Event-ID": f"{turn}:2"}),
    )

    assert rest.text == "".join(whole.partition(f"id: {turn}:3\n")[1:])


async def test_a_turn_no_longer_remembered_resumes_with_its_end(echo_server: Server) -> None:
    answer = (
        await echo_server.http.post("/chat/message", json={"message": "?"}, headers=echo_server.as_page())
    ).json()
    echo_server.services.live.streams.clear()

    rest = await echo_server.http.get(
        f"/chat/events/{answer['session_id']}",
        headers=echo_server.as_page(answer, **{"Last-Event-ID": f"{answer['turn_id']}:2"}),
    )

    assert sse_events(rest.text) == [("turn.completed", answer)]


async def test_nothing_to_follow_is_no_content(echo_server: Server) -> None:
    answer = (await echo_server.say("Hi")).json()

    idle = await echo_server.http.get(
        f"/chat/events/{answer['session_id']}", headers=echo_server.as_page(answer)
    )

    assert idle.status_code == 204


async def test_a_turn_of_another_session_cannot_be_resumed(echo_server: Server) -> None:
    mine = (await echo_server.say("Hi")).json()
    other = (await echo_server.say("Hi")).json()

    refused = await echo_server.http.get(
        f"/chat/events/{mine['session_id']}",
        headers=echo_server.as_page(mine, **{"Last-Event-ID": f"{other['turn_id']}:1"}),
    )

    assert refused.status_code == 404


# -- rates, configuration, health ---------------------------------------------------------------------------


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


async def test_the_widget_is_told_how_to_look(make_server: ServerFactory) -> None:
    server = await make_server(
        ScriptedProvider(), client={"name": "Kettle & Co", "branding": {"primary_color": "#0a7"}}
    )

    config = (await server.http.get("/api/config", headers=server.as_page())).json()

    assert config["client"] == {"name": "Kettle & Co"}
    assert config["branding"] == {"primary_color": "#0a7"}


async def test_health_and_readiness_answer(echo_server: Server) -> None:
    assert (await echo_server.http.get("/health")).json()["status"] == "ok"
    assert (await echo_server.http.get("/health/ready")).json()["status"] == "ready"


async def test_a_database_that_does_not_answer_is_503_with_retry_after(
    echo_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(echo_server.services.database, "_reader", gone._reader)
    monkeypatch.setattr(echo_server.services.database, "is_sqlite", False)

    refused = await echo_server.say("Hi")

    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert refused.headers["retry-after"]
