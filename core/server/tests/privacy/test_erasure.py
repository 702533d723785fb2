"""A visitor who wants to be forgotten is, everywhere, and what was used stays counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from csai.chat.context_cache import context_key
from csai.clients.repository import ClientRepository
from csai.models import (
    Base,
    Client,
    Conversation,
    Erasure,
    LedgerEntry,
    Message,
    PluginEntry,
    ToolExecution,
    Turn,
    Visitor,
)
from csai.privacy.erasure_repository import Subject
from csai_sdk import PluginContext, ToolCall, event, hookimpl
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import select, update

from tests.support.server import Server, ServerFactory
from tests.support.tools import Bookings

IDENTITY = "identity-secret-identity-secret-32"
WORD = "Sesam7"
"""In everything that the visitor says."""


class Diary:
    """A plugin that keeps what visitors say, and forgets them when told, maybe not at once."""

    def __init__(self, *, failures: int = 0) -> None:
        self.forgot: list[event.EraseVisitor] = []
        self._failures = failures

    @hookimpl
    async def message_received(self, event: event.MessageReceived, ctx: PluginContext) -> None:
        if event.visitor_id is not None:
            await ctx.store.set(event.turn.turn_id, event.text, visitor_id=event.visitor_id)

    @hookimpl
    async def erase_visitor(self, event: event.EraseVisitor) -> None:
        if self._failures:
            self._failures -= 1
            raise ConnectionError("not now")
        self.forgot.append(event)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def token(name: str) -> str:
    # The host page's clock is the real one, to the library that checks tokens.
    return jwt.encode({"sub": name, "exp": 4_000_000_000}, IDENTITY, algorithm="HS256")


async def shop(
    make_server: ServerFactory, clock: FakeClock, diary: Diary, provider: ScriptedProvider | None = None
) -> Server:
    provider = provider or ScriptedProvider([f"Yes, {WORD}."], is_endless=True)
    tools = [Bookings().tool]
    server = await make_server(provider, tools=tools, plugins={"diary": diary}, clock=clock)
    encrypted = server.services.keyring.encrypt(IDENTITY, f"client:{server.client.id}/identity")
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Client).values(identity_secret=encrypted))
        await ClientRepository(transaction, server.client.id).bump()
    return server


async def erase(server: Server, **body: Any) -> Any:
    return await server.http.post("/api/erase", json=body, headers={"X-API-Key": server.client.secret_key})


async def everything(server: Server) -> str:
    """All that the database holds, as text."""
    found: list[str] = []
    async with server.services.database.read() as connection:
        for table in Base.metadata.sorted_tables:
            found += [f"{table.name}: {row}" for row in (await connection.execute(select(table))).mappings()]
    return "\n".join(found)


async def test_no_word_of_a_visitor_is_left_and_all_that_was_used_is(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    diary = Diary()
    call = ToolCall("c", "book", {"slot": WORD})
    provider = ScriptedProvider([call], [f"Booked, {WORD}."], ["And yours."], ["Hello."], ["Yes."])
    server = await shop(make_server, clock, diary, provider)
    visitor: dict[str, Any] = {"user_token": token("ada")}
    first = (await server.say(f"{WORD} one", key=str(uuid4()), metadata={"page": WORD}, **visitor)).json()
    await server.say(f"{WORD} two", first, user_identifier=WORD, **visitor)
    other = (await server.say("I stay", user_token=token("bob"))).json()
    await server.services.live.ended()
    before = await server.counters()
    ledger = await server.rows(LedgerEntry)
    assert (await everything(server)).count(WORD) > 5

    answer = await erase(server, visitor="ada")

    assert answer.json() == {"status": "erased", "conversations": 1}
    left = await everything(server)
    assert WORD not in left
    assert "'ada'" not in left
    assert await server.services.cache.get(context_key(server.client.id, first["session_id"])) is None
    assert diary.forgot == [event.EraseVisitor(server.client.id, "ada")]
    assert (await server.counters(), await server.rows(LedgerEntry)) == (before, ledger)
    assert len(await server.rows(Turn)) == 3
    assert [row["external_id"] for row in await server.rows(Visitor)] == ["bob"]
    said = await server.rows(Message)
    assert {row["content"] for row in said if row["role"] == "user"} == {"I stay"}
    assert [row["value"] for row in await server.rows(PluginEntry)] == ['"I stay"']
    refused = await server.say("still there?", first)
    assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended")
    assert (await server.say("I go on", other, user_token=token("bob"))).status_code == 200


async def test_a_turn_that_runs_is_stopped_and_what_it_still_stores_is_emptied_after_it(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    gate = asyncio.Event()
    call = ToolCall("c", "book", {"slot": WORD})
    provider = ScriptedProvider(["Hello."], [call], [gate, f"Never said, {WORD}"])
    server = await shop(make_server, clock, Diary(), provider)
    first = (await server.say("Hi")).json()
    running = asyncio.create_task(server.say(WORD, first))
    await provider.called(3)

    answer = await erase(server, session_id=first["session_id"])

    assert answer.json()["status"] == "pending"
    assert (await running).json()["status"] == "handed_off"
    assert WORD in await everything(server)
    clock.advance(31)
    assert await server.services.erasures.sweep() == 0
    assert WORD not in await everything(server)
    assert await server.rows(Message) == []
    assert {row["status"] for row in await server.rows(ToolExecution)} == {"succeeded"}
    (wish,) = await server.rows(Erasure)
    assert wish["finished_at"] is not None


async def test_a_plugin_that_fails_is_asked_again_until_it_has_erased(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    diary = Diary(failures=2)
    server = await shop(make_server, clock, diary)
    await server.say("Hi", user_token=token("ada"))

    assert (await erase(server, visitor="ada")).json()["status"] == "pending"
    (wish,) = await server.rows(Erasure)
    assert (wish["failing"], wish["external_id"]) == (["diary"], "ada")
    assert await server.services.erasures.sweep() == 0  # not so soon
    assert diary.forgot == []
    for still_open in (1, 0):
        clock.advance(31)
        assert await server.services.erasures.sweep() == still_open

    assert diary.forgot == [event.EraseVisitor(server.client.id, "ada")]
    (wish,) = await server.rows(Erasure)
    assert (wish["external_id"], wish["failing"], wish["finished_at"]) == (None, [], clock.now())
    assert await server.rows(Visitor) == []


async def test_what_a_visitor_begins_after_the_wish_is_left_alone_while_a_plugin_still_fails(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    server = await shop(make_server, clock, Diary(failures=2))
    await server.say("Hi", user_token=token("ada"))
    assert (await erase(server, visitor="ada")).json()["status"] == "pending"
    clock.advance(60)
    new = (await server.say("Hi again", user_token=token("ada"))).json()

    for still_open in (1, 0):
        clock.advance(31)
        assert await server.services.erasures.sweep() == still_open

    assert (await server.say("Still here", new, user_token=token("ada"))).status_code == 200
    said = [row["content"] for row in await server.rows(Message) if row["role"] == "user"]
    assert sorted(said) == ["Hi again", "Still here"]
    assert len(await server.rows(Visitor)) == 1
    assert sorted(row["value"] for row in await server.rows(PluginEntry)) == ['"Hi again"', '"Still here"']


async def test_a_conversation_that_was_begun_before_its_visitor_signed_in_is_forgotten_too(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    server = await shop(make_server, clock, Diary())
    first = (await server.say("Hi")).json()
    await server.say(f"{WORD} is mine", first, user_token=token("ada"))

    stranger = await server.say("Whose is it?", first, user_token=token("bob"))

    assert (stranger.status_code, stranger.json()["code"]) == (403, "visitor_mismatch")
    assert (await erase(server, visitor="ada")).json() == {"status": "erased", "conversations": 1}
    assert await server.rows(Message) == []


async def test_a_visitor_may_have_a_conversation_or_all_that_is_known_forgotten(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    server = await shop(make_server, clock, Diary())
    anonymous = (await server.say("Hi")).json()
    verified = (await server.say("Hi", user_token=token("ada"))).json()
    page = server.as_page(anonymous)

    own = await server.http.post("/api/erase", json={"session_id": anonymous["session_id"]}, headers=page)
    others = await server.http.post("/api/erase", json={"session_id": verified["session_id"]}, headers=page)
    by_name = await server.http.post("/api/erase", json={"visitor": "ada"}, headers=page)
    forged = await server.http.post("/api/erase", json={"user_token": "x.y.z"}, headers=page)
    proven = await server.http.post("/api/erase", json={"user_token": token("ada")}, headers=page)

    assert own.json() == {"status": "erased", "conversations": 1}
    assert (others.status_code, others.json()["code"]) == (404, "not_found")
    assert (by_name.status_code, by_name.json()["code"]) == (403, "secret_key_needed")
    assert forged.status_code == 401
    assert proven.json() == {"status": "erased", "conversations": 1}
    assert await server.rows(Message) == []


async def test_a_page_cannot_wish_without_end(make_server: ServerFactory, clock: FakeClock) -> None:
    server = await shop(make_server, clock, Diary())
    first = (await server.say("Hi")).json()
    wish = {"session_id": first["session_id"]}

    answers = [
        await server.http.post("/api/erase", json=wish, headers=server.as_page(first)) for _ in range(21)
    ]

    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "rate_limited")
    assert len(await server.rows(Erasure)) <= 20
    assert (await erase(server, **wish)).status_code == 200


async def test_another_client_s_visitor_of_the_same_name_stays(
    make_server: ServerFactory, clock: FakeClock
) -> None:
    server = await shop(make_server, clock, Diary())
    first = (await server.say("Hi", user_token=token("ada"))).json()
    other = await server.add_client()
    headers = {"X-API-Key": other.secret_key}

    by_name = await server.http.post("/api/erase", json={"visitor": "ada"}, headers=headers)
    by_session = await server.http.post(
        "/api/erase", json={"session_id": first["session_id"]}, headers=headers
    )

    assert by_name.json() == by_session.json() == {"status": "erased", "conversations": 0}
    assert len(await server.rows(Message)) == 2
    (conversation,) = await server.rows(Conversation)
    assert conversation["ended_at"] is None


@pytest.mark.parametrize(
    "body", [{}, {"visitor": "a", "session_id": str(uuid4())}, {"visitor": "a", "user_token": "b"}]
)
async def test_exactly_one_subject_is_named(
    make_server: ServerFactory, clock: FakeClock, body: dict[str, str]
) -> None:
    server = await shop(make_server, clock, Diary())
    refused = await erase(server, **body)
    assert (refused.status_code, refused.json()["code"]) == (422, "erasure_subject")


async def test_erasing_again_and_at_once_does_no_harm(make_server: ServerFactory, clock: FakeClock) -> None:
    server = await shop(make_server, clock, Diary())
    await server.say("Hi", user_token=token("ada"))
    outcomes = await asyncio.gather(
        *(server.services.erasures.erase(server.client.id, Subject(external_id="ada")) for _ in range(5))
    )
    assert {outcome.status for outcome in outcomes} == {"erased"}
    assert await server.rows(Message) == []
    clock.advance(timedelta(minutes=1).total_seconds())
    assert await server.services.erasures.sweep() == 0
