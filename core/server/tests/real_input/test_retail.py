"""Recorded tasks of an online shop's support, through whole turns and real webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import csai_tool_n8n
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai.clients.repository import ClientRepository
from csai.models import LedgerEntry, Message, ToolExecution, Turn
from csai.tools.repository import Catalog, ToolRepository
from csai.tools.schema import check_tool_schema
from csai_sdk import AssistantMessage, ModelRequest, ToolCall, ToolMessage, UserMessage
from csai_sdk import Message as ModelMessage
from csai_testkit.scripted import ScriptedProvider, Step

from tests.support.server import Server, ServerFactory

RETAIL = Path(__file__).resolve().parents[4].parent / "shared" / "vectors" / "retail"
TASKS = 20
ROUNDS_PER_TURN = 3
SECRET = base64.b64encode(b"a signing secret of 32 bytes ...").decode()
READING = ("find_", "get_", "list_", "calculate", "think")

pytestmark = pytest.mark.skipif(not RETAIL.is_dir(), reason=f"the recorded retail tasks are not at {RETAIL}")


@cache
def recorded(name: str) -> Any:
    return json.loads((RETAIL / f"{name}.json").read_text(encoding="utf-8"))


@dataclass
class Task:
    """A recorded task: what the visitor wants, and what is to be called for it, a list for every round."""

    wish: str
    user_id: str
    rounds: list[list[tuple[str, dict[str, Any]]]]
    played: int = 0
    requests: list[ModelRequest] = field(default_factory=list)

    @classmethod
    def number(cls, number: int) -> Task:
        task = recorded("tasks_dev")[number]
        actions = [(action["name"], action["kwargs"]) for action in task["actions"]]
        orders = sorted({arguments["order_id"] for _, arguments in actions if "order_id" in arguments})
        reads = [("get_user_details", {"user_id": task["user_id"]})]
        reads += [("get_order_details", {"order_id": order}) for order in orders]
        return cls(task["instruction"], task["user_id"], [reads, *([action] for action in actions)])

    @property
    def messages(self) -> list[str]:
        """What the visitor says: the wish, and a word for every further turn that the rounds need."""
        turns = -(-len(self.rounds) // ROUNDS_PER_TURN)
        return [self.wish, *["And the rest, please."] * (turns - 1)]

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        return [call for calls in self.rounds for call in calls]

    @property
    def own_words(self) -> set[str]:
        """What can be in this conversation only."""
        orders = {arguments["order_id"] for _, arguments in self.calls if "order_id" in arguments}
        return {self.wish, self.user_id, *orders}

    def reply(self, request: ModelRequest) -> list[Step]:
        self.requests.append(request)
        if request.tool_choice == "none" or self.played == len(self.rounds):
            return ["That is done."]
        calls = self.rounds[self.played]
        self.played += 1
        # The same ids as in the other conversation: vendors promise to tell one reply's calls apart, no more.
        return [ToolCall(f"call_{self.played}_{index}", *call_of) for index, call_of in enumerate(calls)]


@dataclass
class Shop:
    """The workflows: they answer from the shop's records, and keep what reached them."""

    url: str = ""
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.requests.append((request.headers.copy(), raw))
        body = json.loads(raw)
        return web.json_response(answer(body["tool"], body["arguments"]))


def answer(tool: str, arguments: Mapping[str, Any]) -> Any:
    if tool == "get_user_details":
        return recorded("users")[arguments["user_id"]]
    if tool == "get_order_details":
        return recorded("orders")[arguments["order_id"]]
    return {"status": "ok"}


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    state = Shop()
    app = web.Application()
    app.router.add_post("/webhook/{tool}", state.handle)
    async with TestServer(app) as running:
        state.url = str(running.make_url("/webhook"))
        yield state


@pytest.mark.parametrize("number", range(TASKS))
async def test_every_call_of_a_task_reaches_its_workflow_once_and_as_it_was_made(
    make_server: ServerFactory, shop: Shop, number: int
) -> None:
    tasks = {task.wish: task for task in (Task.number(number), Task.number((number + 1) % TASKS))}

    def play(request: ModelRequest) -> Sequence[Step]:
        (wish,) = (m.text for m in request.messages[:1] if isinstance(m, UserMessage))
        return tasks[wish].reply(request)

    server = await make_server(
        ScriptedProvider(play, is_endless=True),
        plugins={"n8n": csai_tool_n8n},
        egress_allow="127.0.0.0/8",
    )
    await give_tools(server, shop)

    conversations = await asyncio.gather(*(converse(server, task) for task in tasks.values()))

    for task, answers in zip(tasks.values(), conversations, strict=True):
        await check_calls(server, shop, task, answers)
        await check_conversation(server, task, answers)
    first, second = tasks.values()
    for task, other in ((first, second), (second, first)):
        said = repr([request.messages for request in task.requests])
        assert not [words for words in other.own_words - task.own_words if words in said]
    assert len(shop.requests) == sum(len(task.calls) for task in tasks.values())
    assert len(await server.rows(LedgerEntry)) == sum(len(task.requests) for task in tasks.values())


async def give_tools(server: Server, shop: Shop) -> None:
    """The shop's tools in the catalog, and for the client, with a secret that its calls are signed with."""
    now = server.services.clock.now()
    owner = f"client:{server.client.id}/plugin:n8n"
    secrets = server.services.keyring.encrypt(json.dumps({"signing_secret": SECRET}), owner)
    async with server.services.database.write() as transaction:
        for each in recorded("tools"):
            function = each["function"]
            check_tool_schema(function["parameters"])
            await Catalog(transaction).add(
                function["name"],
                backend="n8n",
                now=now,
                description=function["description"],
                parameters_schema=function["parameters"],
                read_only=function["name"].startswith(READING),
            )
            await ToolRepository(transaction, server.client.id).enable(
                function["name"], webhook_url=f"{shop.url}/{function['name']}"
            )
        await ClientRepository(transaction, server.client.id).set_plugin(
            "n8n", enabled=True, settings={}, secrets=secrets, now=now
        )


async def converse(server: Server, task: Task) -> list[Any]:
    answers: list[Any] = []
    for message in task.messages:
        answers.append((await server.say(message, answers[-1] if answers else None)).json())
    return answers


async def check_calls(server: Server, shop: Shop, task: Task, answers: Sequence[Any]) -> None:
    """What was called for the task arrived, once each, signed, under the id that our log has."""
    turns = {each["turn_id"] for each in answers}
    rows = {row["call_id"]: row for row in await server.rows(ToolExecution) if row["turn_id"] in turns}
    arrived = [(headers, raw) for headers, raw in shop.requests if headers["x-csai-call-id"] in rows]

    bodies = [json.loads(raw) for _, raw in arrived]
    assert in_some_order((b["tool"], b["arguments"]) for b in bodies) == in_some_order(task.calls)
    assert len({headers["x-csai-call-id"] for headers, _ in arrived}) == len(arrived) == len(rows)
    for (headers, raw), body in zip(arrived, bodies, strict=True):
        row = rows[headers["x-csai-call-id"]]
        assert body["call_id"] == headers["idempotency-key"] == row["call_id"]
        assert (row["tool_name"], row["parameters"]) == (body["tool"], body["arguments"])
        assert (row["status"], row["success"]) == ("succeeded", True)
        assert (body["client_id"], body["conversation_id"]) == (row["client_id"], row["conversation_id"])
        assert json.loads(row["n8n_response"]) == answer(body["tool"], body["arguments"])
        assert headers["webhook-signature"] == signature(headers, raw)


def signature(headers: Mapping[str, str], raw: bytes) -> str:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    digest = hmac.digest(base64.b64decode(SECRET), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


async def check_conversation(server: Server, task: Task, answers: Sequence[Any]) -> None:
    """Every turn came to its end, and the model saw all of it in order."""
    assert [each["status"] for each in answers] == ["completed"] * len(task.messages)
    assert {each["session_id"] for each in answers} == {answers[0]["session_id"]}
    turns = {each["turn_id"]: each for each in answers}
    rows = [row for row in await server.rows(Message) if row["turn_id"] in turns]
    stored = [(row["role"], row["content"]) for row in sorted(rows, key=lambda row: row["seq"])]
    said = [
        (message, each["message"]["content"]) for message, each in zip(task.messages, answers, strict=True)
    ]
    assert stored == [pair for asked, told in said for pair in (("user", asked), ("assistant", told))]
    assert {row["status"] for row in await server.rows(Turn) if row["id"] in turns} == {"completed"}
    names = {each["function"]["name"] for each in recorded("tools")}
    for request in task.requests:
        assert {spec.name for spec in request.tools} == names
        check_order(request.messages)
    shown = [
        (call.name, call.arguments)
        for message in task.requests[-1].messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    ]
    assert shown == task.calls


def check_order(messages: Sequence[ModelMessage]) -> None:
    """Visitor and model alternate, and what the model called is answered at once, call by call."""
    awaited: type[ModelMessage] = UserMessage
    called: list[str] = []
    for message in messages:
        assert isinstance(message, awaited)
        if isinstance(message, AssistantMessage):
            called = [call.id for call in message.tool_calls]
            awaited = ToolMessage if called else UserMessage
        else:
            if isinstance(message, ToolMessage):
                assert [result.call_id for result in message.results] == called
            awaited = AssistantMessage
    assert awaited is AssistantMessage


def in_some_order(calls: Any) -> list[str]:
    return sorted(json.dumps(call, sort_keys=True) for call in calls)
