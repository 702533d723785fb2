"""When all connections of the pool are lent out: who cannot get one is refused in words, and soon."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

import pytest
from csai.models import Message
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import sign_in
from tests.support.server import Server, ServerFactory

pytestmark = pytest.mark.parametrize("backend", ["postgres-redis"], indirect=True)


def wait_for(monkeypatch: pytest.MonkeyPatch, server: Server, wait_s: float) -> None:
    pool = cast(Any, server.services.database)._engine.pool
    assert pool._timeout <= 10
    monkeypatch.setattr(pool, "_timeout", wait_s)


async def test_a_request_without_a_connection_is_503_with_retry_after_and_has_stored_nothing(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await make_server(ScriptedProvider(["Hello!"]), database_pool_size=1)
    operator = await sign_in(server)
    key = str(uuid4())
    secret = {"X-API-Key": server.client.secret_key}

    with monkeypatch.context() as patience:
        wait_for(patience, server, 0.01)
        async with server.services.database.read():
            refused = [
                await server.say("Hi", key=key),
                await server.http.post(
                    "/chat/message",
                    json={"message": "Hi", "message_id": key},
                    headers={**secret, "Accept": "text/event-stream"},
                ),
                await server.http.get("/api/config", headers=secret),
                await operator.ask("GET", "/admin/clients"),
                await server.http.post("/admin/auth/login", json={"email": "a@b.example", "password": "x"}),
            ]
            ready = await server.http.get("/health/ready")
            alive = await server.http.get("/health")

    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert "connection" not in answer.text.lower()
    assert (ready.status_code, ready.json()["reason"]) == (503, "database_unreachable")
    assert alive.status_code == 200
    assert await server.rows(Message) == []

    said = await server.say("Hi", key=key)
    assert (said.status_code, said.json()["message"]["content"]) == (200, "Hello!")
