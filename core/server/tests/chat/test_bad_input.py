"""What is no message: a problem that says what to do, and nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from csai.database import Database
from csai.models import Conversation, Message, Turn
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server, ServerFactory

NAUGHTY = Path(__file__).resolve().parents[5] / "shared" / "vectors" / "strings" / "blns.json"
PROBLEM = "application/problem+json"


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


async def test_a_database_that_does_not_answer_is_503_with_retry_after(
    echo_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    for name, value in vars(gone).items():
        monkeypatch.setattr(echo_server.services.database, name, value)

    refused = await echo_server.say("Hi")

    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert refused.headers["retry-after"]
