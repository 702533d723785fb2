"""Nobody is there: the visitor leaves an address, and the business is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from csai.kit.identifier import new_id
from csai.models import ClientWebhook, Conversation, OutboxEvent
from csai.privacy.erasure_repository import Subject
from csai.privacy.export import export_of
from csai.privacy.retention import Retention
from csai_sdk import event, hookimpl
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.server import Server, ServerFactory


class Listener:
    def __init__(self) -> None:
        self.heard: list[event.Handoff] = []

    @hookimpl
    async def handoff(self, event: event.Handoff) -> None:
        self.heard.append(event)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server(make_server: ServerFactory, listener: Listener, clock: FakeClock) -> Server:
    server = await make_server(
        ScriptedProvider(["Hello!"], is_endless=True), plugins={"listener": listener}, clock=clock
    )
    await server.insert(
        ClientWebhook,
        client_id=server.client.id,
        url="https://shop.example/hooks",
        enabled=True,
        secret="",
        previous_secret=None,
        previous_until=None,
        updated_at=clock.now(),
    )
    return server


async def ask(server: Server, answer: Any, **body: Any) -> httpx.Response:
    """As the widget on the client's page does."""
    return await server.http.post(
        "/chat/handoff", json={"session_id": answer["session_id"], **body}, headers=server.as_page(answer)
    )


async def given(server: Server) -> list[Any]:
    rows = sorted(await server.rows(OutboxEvent), key=lambda row: row["id"])
    return [row["payload"] for row in rows if row["event"] == "conversation.contact_given"]


async def emails(server: Server) -> list[str | None]:
    return [row["contact_email"] for row in await server.rows(Conversation)]


async def test_the_address_is_kept_and_told_to_plugins_and_the_webhook(
    server: Server, listener: Listener
) -> None:
    answer = (await server.say("Hi")).json()

    asked = await ask(server, answer, reason="a person", email=" Ada.L+shop@Example.COM ")
    as_server = await server.http.post(
        "/chat/state",
        json={"session_id": answer["session_id"], "state": "teammate", "teammate": "Dana"},
        headers={"X-API-Key": server.client.secret_key},
    )

    assert (asked.status_code, asked.json()["state"], asked.json()["email"]) == (200, "queued", None)
    assert await emails(server) == ["Ada.L+shop@example.com"]
    assert as_server.json()["email"] == "Ada.L+shop@example.com"
    assert await given(server) == [{"session_id": answer["session_id"], "email": "Ada.L+shop@example.com"}]
    assert [(each.state, each.email) for each in listener.heard] == [
        ("queued", "Ada.L+shop@example.com"),
        ("teammate", "Ada.L+shop@example.com"),
    ]


async def test_a_conversation_has_one_which_may_come_later_and_be_changed(server: Server) -> None:
    answer = (await server.say("Hi")).json()
    await ask(server, answer)
    assert await given(server) == []

    for email in ("a@shop.example", "a@shop.example", "b@shop.example", "a@shop.example"):
        assert (await ask(server, answer, email=email)).status_code == 200
    assert (await ask(server, answer)).status_code == 200

    assert await emails(server) == ["a@shop.example"]
    assert [each["email"][0] for each in await given(server)] == ["a", "b", "a"]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@shop",
        "@shop.example",
        "ada@@shop.example",
        "ada@shop.example\nBcc: all@shop.example",
        "ada@shop.example, bob@shop.example",
        "Ada <ada@shop.example>",
        '"a b"@shop.example',
        "ada@shop..example",
        "ada@-shop.example",
        "ada@shop.example.",
        "ада@shop.example",
        "a" * 65 + "@shop.example",
        "ada@" + "a" * 250 + ".example",
        7,
    ],
)
async def test_what_is_no_address_is_refused_and_nothing_else_done(server: Server, email: Any) -> None:
    answer = (await server.say("Hi")).json()

    refused = await ask(server, answer, email=email)

    assert refused.status_code == 422
    assert (await emails(server), await given(server)) == ([None], [])
    assert [row["state"] for row in await server.rows(Conversation)] == ["ai"]


async def test_an_ended_conversation_takes_none(server: Server) -> None:
    answer = (await server.say("Hi")).json()
    await server.http.post(
        "/chat/end", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )

    refused = await ask(server, answer, email="ada@shop.example")

    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended")
    assert (await emails(server), await given(server)) == ([None], [])


async def test_nobody_leaves_an_address_in_another_conversation(server: Server) -> None:
    mine, other = (await server.say("Hi")).json(), (await server.say("Hi")).json()

    refused = [
        await ask(server, {**mine, "session_token": other["session_token"]}, email="a@shop.example"),
        await ask(server, {**mine, "session_id": new_id()}, email="a@shop.example"),
    ]

    assert {each.status_code for each in refused} == {404}
    assert await emails(server) == [None, None]


async def test_a_page_that_leaves_too_many_is_slowed_down(server: Server) -> None:
    answer = (await server.say("Hi")).json()

    codes = [(await ask(server, answer, email=f"a{n}@shop.example")).status_code for n in range(11)]

    assert codes == [200] * 10 + [429]
    assert (await ask(server, answer)).status_code == 200


async def test_it_is_exported_and_forgotten_everywhere(server: Server) -> None:
    answer, other = (await server.say("Hi")).json(), (await server.say("Hi")).json()
    await ask(server, answer, email="ada@shop.example")
    await ask(server, other, email="bob@shop.example")
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(OutboxEvent)
            .where(OutboxEvent.payload["email"].as_string() == "ada@shop.example")
            .values(status="delivered")
        )
    async with server.services.database.read() as connection:
        exported = await export_of(connection, server.client.id, Subject(session_id=answer["session_id"]))

    await server.http.post(
        "/api/erase", json={"session_id": answer["session_id"]}, headers=server.as_page(answer)
    )

    assert [each["contact_email"] for each in exported["conversations"]] == ["ada@shop.example"]
    assert sorted(map(str, await emails(server))) == ["None", "bob@shop.example"]
    rows = [row for row in await server.rows(OutboxEvent) if row["event"] == "conversation.contact_given"]
    assert sorted((row["status"], row["payload"].get("email")) for row in rows) == [
        ("delivered", None),
        ("pending", "bob@shop.example"),
    ]
    assert "ada@" not in repr(await server.rows(OutboxEvent))


async def test_it_goes_with_the_words(server: Server, clock: FakeClock) -> None:
    answer = (await server.say("Hi")).json()
    await ask(server, answer, email="ada@shop.example")
    services = server.services

    clock.advance(timedelta(days=31).total_seconds())
    await Retention(settings=services.settings, database=services.database, clock=clock, archive=None).run(
        server.client.id
    )

    assert await emails(server) == [None]
    assert await given(server) == [{}]
