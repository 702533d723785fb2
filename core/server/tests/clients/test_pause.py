"""The kill switches: no model is called from the next turn on, and turns pay nothing for it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from csai.app import create_app
from csai.models import AuditEntry
from csai.services import Services, build_services
from csai_sdk import ModelRequest
from csai_testkit.scripted import ScriptedProvider, Step

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory


class Model:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def reply(self, _request: ModelRequest) -> list[Step]:
        self.asked += 1
        return ["Hello!"]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
async def server(make_server: ServerFactory, model: Model) -> Server:
    return await make_server(ScriptedProvider(model.reply, is_endless=True), response_cache_s=300)


def pause_of(server: Server) -> str:
    return f"/admin/clients/{server.client.id}/pause"


async def outcome(server: Server, **how: Any) -> tuple[str, str]:
    answer = (await server.say("Hello?", **how)).json()
    return answer["status"], answer["message"]["content"]


STOPS = pytest.mark.parametrize("is_all", [False, True], ids=["one client", "all spending"])


def path_of(server: Server, *, is_all: bool) -> str:
    return "/admin/spending/stop" if is_all else pause_of(server)


@STOPS
async def test_a_stop_holds_from_the_next_turn_on_until_it_is_lifted(
    server: Server, model: Model, is_all: bool
) -> None:
    operator, path = await sign_in(server), path_of(server, is_all=is_all)
    assert (await outcome(server))[0] == "completed"
    for _ in range(2):  # repeating it changes nothing
        assert (await operator.ask("POST", path)).status_code == 200
    # Also what could be answered from the cache.
    assert (await outcome(server))[0] == "blocked"
    assert model.asked == 1
    state = await operator.get(pause_of(server))
    assert state == {"is_paused": not is_all, "is_spending_stopped": is_all}
    await operator.ask("DELETE", path)
    assert (await outcome(server))[0] == "completed"
    told = [(row["action"], row["before"], row["after"]) for row in await server.rows(AuditEntry)]
    name, was, word = (
        ("is_stopped", False, "spending.stopped") if is_all else ("is_paused", False, "client.paused")
    )
    assert told.count((word, {name: was}, {name: not was})) == 1


async def test_another_client_goes_on_unless_all_spending_is_stopped(server: Server) -> None:
    operator, other = await sign_in(server), await server.add_client(settings={"provider": "scripted"})
    await operator.ask("POST", pause_of(server))
    assert (await outcome(server, client=other))[0] == "completed"
    await operator.ask("POST", "/admin/spending/stop")
    assert (await outcome(server, client=other))[0] == "blocked"
    late = await server.add_client(settings={"provider": "scripted"})
    assert (await outcome(server, client=late))[0] == "blocked"


@STOPS
async def test_another_process_follows_at_its_next_turn(server: Server, model: Model, is_all: bool) -> None:
    other = second(server)
    try:
        async with asking(other) as http:
            mine = Server(other, http, server.client, server.plugins)
            assert (await outcome(mine))[0] == "completed"
            before = model.asked
            operator = await sign_in(server)
            await operator.ask("POST", path_of(server, is_all=is_all))
            assert (await outcome(mine))[0] == "blocked"
            assert model.asked == before
    finally:
        await other.close()


def second(server: Server) -> Services:
    """Another process over the same database."""
    return build_services(server.services.settings, registry=server.services.registry)


def asking(services: Services) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(services)), base_url="http://csai.test", timeout=30
    )


async def test_a_turn_pays_nothing_for_looking(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await outcome(server)
    statements: list[str] = []
    database = server.services.database
    for name in ("fetch", "transact"):
        real = getattr(database, name)

        async def counted(*steps: Any, _real: Any = real, **options: Any) -> Any:
            statements.extend(str(step.statement.statement) for step in steps)
            return await _real(*steps, **options)

        monkeypatch.setattr(database, name, counted)

    def unread(*_what: object, **_how: object) -> None:
        raise AssertionError("a turn reads more than its prepared statements")

    monkeypatch.setattr(database, "read", unread)
    assert (await server.say("And now?")).json()["status"] == "completed"
    assert statements
    assert not [each for each in statements if "switches" in each or "is_paused" in each]


async def test_a_double_click_stops_once(server: Server) -> None:
    operator = await sign_in(server)
    for method in ("POST", "DELETE"):
        answers = await asyncio.gather(*(operator.ask(method, "/admin/spending/stop") for _ in range(3)))
        assert {answer.status_code for answer in answers} == {200}
    told = [row["action"] for row in await server.rows(AuditEntry)]
    assert (told.count("spending.stopped"), told.count("spending.resumed")) == (1, 1)


async def test_a_paused_conversation_can_still_be_handed_to_a_person(server: Server) -> None:
    operator = await sign_in(server)
    await operator.ask("POST", pause_of(server))
    said = (await server.say("Hello?")).json()
    asked = await server.http.post(
        "/chat/handoff",
        headers={"X-API-Key": server.client.secret_key},
        json={"session_id": said["session_id"], "email": "vera@example.com"},
    )
    assert asked.status_code == 200, asked.text


async def test_an_admin_of_a_client_stops_that_client_and_not_the_installation(server: Server) -> None:
    bound: Operator = await sign_in(server, role="admin", client_ids=[server.client.id])
    assert (await bound.ask("POST", pause_of(server))).json()["is_paused"]
    assert (await bound.ask("POST", "/admin/spending/stop")).status_code == 403
