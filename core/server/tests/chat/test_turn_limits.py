"""A plan's limits, kept to the message whatever the concurrency."""

from __future__ import annotations

import asyncio

from csai.models import Turn
from csai_sdk import (
    Usage,
)
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import ServerFactory


async def test_a_limit_refuses_before_anything_is_stored(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), limits={"messages": 2})
    for _ in range(2):
        assert (await server.say("Hi")).status_code == 200

    refused = await server.say("Hi")

    assert (refused.status_code, refused.json()["code"]) == (429, "limit_reached")
    assert len(await server.rows(Turn)) == 2


async def test_parallel_requests_never_overshoot_a_limit(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], is_endless=True), limits={"messages": 7})

    answers = await asyncio.gather(*(server.say("Hi") for _ in range(30)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [429] * 23
    assert (await server.counters())["messages"] == (7, 0)


async def test_a_token_limit_blocks_the_turn_with_a_friendly_word(make_server: ServerFactory) -> None:
    provider = ScriptedProvider(["Hi."], is_endless=True)
    server = await make_server(provider, limits={"tokens": 1_000})

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "blocked"
    assert provider.requests == []
    assert (await server.counters())["messages"] == (0, 0)


async def test_reserved_tokens_are_given_back_once_the_report_is_in(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hi."], usage=Usage(30, 4)), limits={"tokens": 100_000})

    await server.say("Hi")

    assert (await server.counters())["tokens"] == (34, 0)
