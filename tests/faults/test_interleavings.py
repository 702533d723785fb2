"""A thousand times a teammate takes over at another moment of the AI's turn: no word of the AI follows.

Two servers share the database, and the teammate comes to either. A seed decides what the model does, who asks
what where, and how many passes of the event loop each of them waits; `SEED` of a failure repeats it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from csai.models import Conversation, Counter, Message, Turn
from csai_sdk import AssistantMessage, ModelRequest, ToolCall, ToolMessage, UserMessage
from csai_testkit.scripted import ScriptedProvider, Step

from tests.support.server import Server, ServerFactory
from tests.support.tools import look_up

INTERLEAVINGS = 500
"""On each of the two databases."""
BLOCKS = 2
PASSES = 700
"""About as many as a turn takes."""


async def wait(chance: random.Random) -> None:
    for _ in range(chance.randrange(PASSES)):
        await asyncio.sleep(0)


def model(request: ModelRequest) -> list[Step]:
    """Looks something up before it answers, where it is asked for it."""
    last = request.messages[-1]
    if isinstance(last, UserMessage) and "look" in last.text:
        return ["Let me see. ", ToolCall("c", "look_up", {"order_id": "ORD-1"})]
    return ["It is ", "on its ", "way."]


@dataclass
class Site:
    """Two servers of one installation."""

    servers: tuple[Server, Server]
    provider: ScriptedProvider

    async def post(self, number: int, path: str, body: Mapping[str, Any]) -> Any:
        server = self.servers[number]
        response = await server.http.post(
            f"/chat/{path}", json=body, headers={"X-API-Key": self.servers[0].client.secret_key}
        )
        assert response.status_code == 200, response.text
        return response.json()

    async def ai_messages(self, session_id: str) -> set[str]:
        """Ids of all that the AI has said in the conversation."""
        (conversation,) = await self.servers[0].rows(Conversation, session_id=session_id)
        rows = await self.servers[0].rows(
            Message, Message.id, conversation_id=conversation["id"], author="ai"
        )
        return {row.id for row in rows}


@pytest.fixture
async def site(make_server: ServerFactory) -> Site:
    provider = ScriptedProvider(model, is_endless=True)
    first = await make_server(provider, tools=[look_up])
    return Site((first, await make_server(provider, tools=[look_up])), provider)


@pytest.mark.parametrize("block", range(BLOCKS))
async def test_no_ai_message_follows_a_takeover_whenever_it_comes(site: Site, block: int) -> None:
    statuses: dict[str, int] = {}
    for seed in range(block, INTERLEAVINGS, BLOCKS):
        for status in await interleave(site, seed):
            statuses[status] = statuses.get(status, 0) + 1

    # Both sides of the moment were met, often.
    assert statuses.keys() == {"completed", "handed_off"}
    assert min(statuses.values()) > INTERLEAVINGS / BLOCKS / 10
    server = site.servers[0]
    assert [row["id"] for row in await server.rows(Conversation) if row["lease_turn_id"]] == []
    assert {row["reserved"] for row in await server.rows(Counter)} == {0}
    for request in site.provider.requests:
        check_shape(request)


async def interleave(site: Site, seed: int) -> list[str]:
    """One conversation in which a teammate takes over while the AI may be at it; how its turns ended."""
    chance = random.Random(seed)
    begun = await site.post(0, "message", {"message": "Hello"})
    session = {"session_id": begun["session_id"]}

    async def ask(text: str) -> Any:
        await wait(chance)
        return await site.post(chance.randrange(2), "message", {**session, "message": text})

    async def take_over() -> set[str]:
        await wait(chance)
        at = chance.randrange(2)
        path, body = chance.choice([("state", {"state": "teammate"}), ("handoff", {})])
        await site.post(at, path, {**session, **body})
        before = await site.ai_messages(begun["session_id"])
        if path == "state" and chance.random() < 0.5:
            await site.post(at, "reply", {**session, "message": "A teammate here."})
        return before

    texts = chance.sample(["look it up", "where is it?", "and now?"], chance.randint(1, 2))
    before, *answers = await asyncio.gather(take_over(), *(ask(text) for text in texts))

    after = await site.ai_messages(begun["session_id"])
    assert after == before, f"SEED {seed}: the AI spoke after a takeover"
    said = {answer["message"]["id"] for answer in (begun, *answers) if answer["status"] == "completed"}
    assert said == after, f"SEED {seed}: told otherwise than stored"
    turns = await site.servers[0].rows(Turn, id=answers[0]["turn_id"])
    assert [turn["status"] for turn in turns] == [answers[0]["status"]], f"SEED {seed}"
    if chance.random() < 0.3:
        await site.post(0, "state", {**session, "state": "ai"})
        back = await site.post(1, "message", {**session, "message": "look again"})
        assert back["status"] == "completed", f"SEED {seed}: the AI did not come back"
    return [answer["status"] for answer in answers]


def check_shape(request: ModelRequest) -> None:
    """What vendors ask for: both sides in turn, a result for every call."""
    open_calls: set[str] = set()
    previous: type[Any] = AssistantMessage
    for message in request.messages:
        if isinstance(message, ToolMessage):
            assert {result.call_id for result in message.results} == open_calls
            open_calls = set()
        else:
            assert not open_calls
            assert isinstance(message, UserMessage) == (previous is AssistantMessage)
            if isinstance(message, AssistantMessage):
                open_calls = {call.id for call in message.tool_calls}
        previous = AssistantMessage if isinstance(message, AssistantMessage) else type(message)
    assert not open_calls
