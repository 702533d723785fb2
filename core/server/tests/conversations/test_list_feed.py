"""Operators who follow the list, or one conversation, hear of what begins and changes there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from csai.conversations.list_feed import PER_ADMIN, ListFeed
from csai.kit.clock import SystemClock
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import Conversation
from sqlalchemy import update

from core.server.tests.conversations.listed import LIST, add
from tests.support.operator import Operator, sign_in
from tests.support.server import Server


async def test_who_follows_the_list_hears_of_what_begins_and_changes(server: Server) -> None:
    other = await server.add_client(name="Other")
    feed = feed_of(server)
    of_all, of_other = feed.open(None, admin_id="ada"), feed.open(frozenset({other.id}), admin_id="ada")
    assert [await anext(of_all), await anext(of_other)] == [b": following\n\n"] * 2

    begun = (await server.say("Hi")).json()
    assert (await _event(of_all))["session_id"] == begun["session_id"]
    headers = {"X-API-Key": server.client.secret_key}
    await server.http.post("/chat/handoff", json={"session_id": begun["session_id"]}, headers=headers)
    assert (await _event(of_all))["state"] == "queued"
    others = (await server.say("Hi", client=other)).json()
    assert (await _event(of_other))["session_id"] == others["session_id"]

    await end_of(feed, of_all, of_other)


async def test_the_stream_opens_ends_after_a_while_and_is_refused_by_a_server_that_goes(
    server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csai.conversations.list_feed.LONGEST_S", 0)
    opened = await operator.ask("GET", f"{LIST}/events")
    assert (opened.status_code, opened.text) == (200, ": following\n\n")
    assert opened.headers["content-type"].startswith("text/event-stream")
    for wrong in ("x", "\x00"):
        assert (await operator.ask("GET", f"{LIST}/events", params={"client_id": wrong})).status_code == 404

    server.services.list_feed.end()

    refused = await operator.ask("GET", f"{LIST}/events")
    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_connections")


async def test_who_follows_one_conversation_hears_of_it_alone_however_old_or_a_test_it_is(
    server: Server,
) -> None:
    quiet = await add(server, "A kettle", age_h=9, is_test=True)
    feed = feed_of(server)
    of_one = feed.open(None, admin_id="ada", conversation_id=quiet)
    of_all = feed.open(None, admin_id="ada")
    assert [await anext(of_one), await anext(of_all)] == [b": following\n\n"] * 2
    assert (await _event(of_one))["id"] == quiet

    begun = (await server.say("Hi")).json()
    async with server.services.database.write() as transaction:
        await transaction.execute(update(Conversation).where(Conversation.id == quiet).values(rating=2))

    told = await _event(of_one)
    assert (told["id"], told["rating"]) == (quiet, 2)
    assert (await _event(of_all))["session_id"] == begun["session_id"]
    assert quiet.encode() not in await end_of(feed, of_all)
    await end_of(feed, of_one)


async def test_one_conversation_is_followed_by_those_alone_who_may_read_it(server: Server) -> None:
    other = await server.add_client(name="Other")
    others = await add(server, "A kettle", client=other.id)
    bound = await sign_in(server, email="ben@example.com", client_ids=[server.client.id])

    asked = [
        await bound.ask("GET", f"{LIST}/events", params={"conversation_id": each})
        for each in (others, new_id(), "x")
    ]

    assert {answer.status_code for answer in asked} == {404}
    assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in asked}) == 1


async def test_one_admin_leaves_room_for_others(server: Server) -> None:
    feed = feed_of(server, most=PER_ADMIN + 1)
    streams = [feed.open(None, admin_id="ada") for _ in range(PER_ADMIN)]
    for stream in streams:
        await anext(stream)

    with pytest.raises(Problem) as refused:
        feed.open(None, admin_id="ada")
    assert refused.value.status == 429
    streams.append(feed.open(None, admin_id="ben"))
    await anext(streams[-1])
    with pytest.raises(Problem) as full:
        feed.open(None, admin_id="cas")
    assert full.value.status == 503

    await end_of(feed, *streams)


async def end_of(feed: ListFeed, *streams: AsyncIterator[bytes]) -> bytes:
    """What the streams still told."""
    await feed.aclose()
    return b"".join([piece for stream in streams async for piece in stream])


def feed_of(server: Server, *, most: int = 100) -> ListFeed:
    return ListFeed(database=server.services.database, clock=SystemClock(), most=most)


async def _event(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    """The last one of the next piece that holds any."""
    async for piece in stream:
        if piece.startswith(b"event: "):
            name, data = piece.decode().strip().split("\n\n")[-1].split("\n")
            assert name == "event: conversation.changed"
            told: dict[str, Any] = json.loads(data.removeprefix("data: "))
            return told
    raise AssertionError("the stream has ended")
