"""The response cache: who is answered without a model, and who never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from csai.clients.service import change_setting
from csai.kit.cache import MAX_BYTES, Cache
from csai.kit.redis_command import RedisCommands
from csai.models import LedgerEntry
from csai.usage.repository import UsageRepository
from csai_sdk import ModelTraits, ToolCall, Usage, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider, Stop

from tests.support.clock import HandClock
from tests.support.server import Server, ServerFactory, sse_events

QUESTION = "When are you open?"
PRICED = ModelTraits(price_provider="anthropic")


def scripted(*scripts: Any, **more: Any) -> ScriptedProvider:
    return ScriptedProvider(*(scripts or (["From nine to five."],)), is_endless=True, **more)


async def test_the_same_first_question_is_answered_again_as_a_full_turn(make_server: ServerFactory) -> None:
    provider = scripted(usage=Usage(1_000, 200), traits=PRICED)
    server = await make_server(
        provider, response_cache_s=300, client={"settings": {"models": {"scripted": "claude-sonnet-4-5"}}}
    )
    first = (await server.say(QUESTION)).json()

    again = (await server.say(f" {QUESTION}\n")).json()

    assert len(provider.requests) == 1
    assert again["message"]["content"] == first["message"]["content"] == "From nine to five."
    assert (again["status"], again["session_id"] != first["session_id"]) == ("completed", True)
    assert again["usage"] == {"tokens_input": 0, "tokens_output": 0, "cost": 0.0}
    assert (await server.counters())["messages"] == (2, 0)
    assert (await server.counters())["tokens"] == (1_200, 0)
    assert len(await server.rows(LedgerEntry)) == 1
    history = await server.http.get(
        f"/chat/history/{again['session_id']}", headers={"X-API-Key": server.client.secret_key}
    )
    assert [item["content"] for item in history.json()["messages"]] == [
        f" {QUESTION}\n",
        "From nine to five.",
    ]


async def test_what_an_answer_given_again_saved_is_counted_by_day(make_server: ServerFactory) -> None:
    provider = scripted(usage=Usage(1_000, 200), traits=PRICED)
    server = await make_server(
        provider,
        response_cache_s=300,
        client={"settings": {"models": {"scripted": "claude-sonnet-4-5"}}},
        clock=HandClock(),
    )
    for _ in range(3):
        await server.say(QUESTION)

    today = server.services.clock.now().astimezone(UTC).date()
    async with server.services.database.write() as transaction:
        (day,) = await UsageRepository(transaction, server.client.id).days(today, today)

    assert (day.message_count, day.tokens_input, day.tokens_output) == (3, 1_000, 200)
    # 1,000 x $3 + 200 x $15, twice
    assert (day.response_cache_count, day.response_cache_tokens) == (2, 2_400)
    assert (day.cost_micros, day.response_cache_micros) == (6_000, 12_000)


async def test_a_stream_of_an_answer_given_again_has_its_text(make_server: ServerFactory) -> None:
    server = await make_server(scripted(), response_cache_s=300)
    await server.say(QUESTION)

    response = await server.http.post(
        "/chat/message",
        json={"message": QUESTION},
        headers={"X-API-Key": server.client.secret_key, "Accept": "text/event-stream"},
    )

    events = sse_events(response.text)
    assert [name for name, _data in events] == ["turn.started", "text.delta", "turn.completed"]
    assert events[1][1] == {"text": "From nine to five."}


async def test_citations_are_kept(make_server: ServerFactory) -> None:
    from csai.clients.repository import ClientRepository
    from csai.knowledge.ingest import PassageDraft
    from csai.knowledge.repository import KnowledgeRepository

    provider = scripted(["The store room opens at nine in the morning."])
    server = await make_server(provider, response_cache_s=300)
    async with server.services.database.write() as transaction:
        draft = PassageDraft("Opening hours", "The store room opens at nine in the morning each day.", "")
        await KnowledgeRepository(transaction, server.client.id).add_new(
            [draft], at=server.services.clock.now()
        )
        await ClientRepository(transaction, server.client.id).bump()
    first = (await server.say("When does the store open?")).json()

    again = (await server.say("When does the store open?")).json()

    assert len(provider.requests) == 1
    assert again["citations"] == first["citations"] == [{"title": "Opening hours", "url": ""}]


async def test_two_clients_with_the_same_question_have_their_own_answers(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Ours: nine."], ["Theirs: ten."])
    server = await make_server(provider, response_cache_s=300)
    other = await server.add_client(settings={"provider": "scripted"})

    ours = (await server.say(QUESTION)).json()
    theirs = (await server.say(QUESTION, client=other)).json()

    assert (ours["message"]["content"], theirs["message"]["content"]) == ("Ours: nine.", "Theirs: ten.")
    assert (await server.say(QUESTION, client=other)).json()["message"]["content"] == "Theirs: ten."
    assert (await server.say(QUESTION)).json()["message"]["content"] == "Ours: nine."
    assert len(provider.requests) == 2


async def test_a_change_of_the_configuration_makes_the_model_answer_anew(make_server: ServerFactory) -> None:
    provider = scripted()
    server = await make_server(provider, response_cache_s=300)
    await server.say(QUESTION)

    await _set(server, "tone", "Be brief.")
    await server.say(QUESTION)

    assert len(provider.requests) == 2


async def test_a_client_can_switch_it_off(make_server: ServerFactory) -> None:
    provider = scripted()
    server = await make_server(provider, response_cache_s=300)
    await _set(server, "response_cache", "off")

    await server.say(QUESTION)
    await server.say(QUESTION)

    assert len(provider.requests) == 2
    assert await _cached_keys(server) == []


async def _set(server: Server, name: Any, value: str) -> None:
    async with server.services.database.write() as transaction:
        await change_setting(
            transaction,
            server.client.id,
            name,
            value,
            providers=["scripted"],
            default_provider="",
            clock=server.services.clock,
        )


@pytest.mark.parametrize("kind", ["later", "labelled", "verified"])
async def test_who_is_known_or_has_asked_before_gets_an_answer_of_their_own(
    make_server: ServerFactory, kind: str
) -> None:
    provider = scripted()
    secret = "s" * 40
    server = await make_server(provider, response_cache_s=300)
    if kind == "verified":
        encrypted = server.services.keyring.encrypt(secret, f"client:{server.client.id}/identity")
        await _set_identity(server, encrypted)
    body: dict[str, Any] = {
        "later": {},
        "labelled": {"user_identifier": "anna"},
        "verified": {"user_token": _token(secret)},
    }[kind]
    before = (await server.say("Hello")).json() if kind == "later" else None
    asked = len(provider.requests)

    for _ in range(2):
        assert (await server.say(QUESTION, before, **body)).status_code == 200

    assert len(provider.requests) == asked + 2
    assert len(await _cached_keys(server)) == (1 if kind == "later" else 0)


def _token(secret: str) -> str:
    expires = datetime.now(UTC) + timedelta(hours=1)
    return jwt.encode({"sub": "anna", "exp": expires}, secret, algorithm="HS256")


async def _set_identity(server: Server, encrypted: str) -> None:
    from csai.clients.repository import ClientRepository
    from csai.models import Client
    from sqlalchemy import update

    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(Client).where(Client.id == server.client.id).values(identity_secret=encrypted)
        )
        await ClientRepository(transaction, server.client.id).bump()


@tool(read_only=True)
async def opening_hours() -> str:
    """When the shop is open today."""
    return "9-17"


async def test_an_answer_that_used_a_tool_is_not_given_again(make_server: ServerFactory) -> None:
    call = ToolCall("c1", "opening_hours", {})
    provider = ScriptedProvider([call], ["Till five."], [call], ["Till six."])
    server = await make_server(provider, tools=[opening_hours], response_cache_s=300)
    await server.say(QUESTION)

    again = (await server.say(QUESTION)).json()

    assert again["message"]["content"] == "Till six."
    assert await _cached_keys(server) == []


@pytest.mark.parametrize("script", [["Cut sh", Stop("max_tokens")], ["I cannot.", Stop("refusal")], [""]])
async def test_half_an_answer_is_not_given_again(make_server: ServerFactory, script: list[Any]) -> None:
    provider = scripted([step for step in script if step != ""])
    server = await make_server(provider, response_cache_s=300)

    await server.say(QUESTION)
    await server.say(QUESTION)

    assert len(provider.requests) == 2


class Prompting:
    @hookimpl
    async def before_model_call(self, event: Any, ctx: Any) -> str:
        return "This visitor is important."


async def test_nothing_is_given_again_where_a_plugin_adds_to_the_prompt(make_server: ServerFactory) -> None:
    provider = scripted()
    server = await make_server(provider, plugins={"prompting": Prompting()}, response_cache_s=300)

    await server.say(QUESTION)
    await server.say(QUESTION)

    assert len(provider.requests) == 2


async def test_a_dead_redis_is_a_miss(make_server: ServerFactory) -> None:
    provider = scripted()
    server = await make_server(provider, response_cache_s=300)
    await server.services.cache.close()
    server.services.cache._redis = RedisCommands("redis://127.0.0.1:1/0", timeout_s=1)

    for _ in range(2):
        assert (await server.say(QUESTION)).json()["status"] == "completed"
    assert len(provider.requests) == 2


async def _cached_keys(server: Server) -> list[str]:
    cache = server.services.cache
    if cache._redis is None:
        return [key for key in cache._kept if key.startswith("cache:")]
    return [key.decode() for key in await cache._redis.run("KEYS", "cache:*")]


async def test_keys_carry_the_client_and_expire(make_server: ServerFactory) -> None:
    server = await make_server(scripted(), response_cache_s=300)
    await server.say(QUESTION)

    (key,) = await _cached_keys(server)

    assert key.startswith(f"cache:{server.client.id}:")
    cache = server.services.cache
    if cache._redis is not None:
        assert 290 < await cache._redis.run("TTL", key) <= 300


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


async def test_in_process_values_expire_and_the_oldest_make_room() -> None:
    clock = Clock()
    cache = Cache(redis_url="", timeout_s=10, clock=clock)
    await cache.set("a", b"1", lifetime_s=300)
    clock.moment += timedelta(seconds=299)
    assert await cache.get("a") == b"1"
    clock.moment += timedelta(seconds=1)
    assert await cache.get("a") is None

    for number in range(20):
        await cache.set(str(number), bytes(MAX_BYTES // 10), lifetime_s=300)

    assert await cache.get("0") is None
    assert await cache.get("19") is not None
    assert cache._size_bytes <= MAX_BYTES
