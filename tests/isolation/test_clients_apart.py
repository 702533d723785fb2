"""Two businesses with the same tools, plugins and model: nothing of one reaches the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import csai_tool_n8n
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai.clients.repository import ClientRepository
from csai.knowledge.ingest import PassageDraft
from csai.knowledge.repository import KnowledgeRepository
from csai.models import Base, Counter, LedgerEntry, Turn
from csai.tools.repository import Catalog, ToolRepository
from csai_sdk import ModelRequest, PluginContext, PluginSettings, ToolCall, Usage, UserMessage, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider, Step
from sqlalchemy import select

from tests.support.server import Server, ServerFactory, TestClient

WRITTEN_BY_A_TURN = {"conversations", "messages", "turns", "tool_executions", "ledger", "counters"}
OTHER_OWNED = {
    *("billing", "payments", "payment_news", "refunds"),
    "admin_clients",
    *("client_webhooks", "erasures", "experiments", "outbox", "plugin_store"),
    *("feedback", "follow_ups", "summary_folds"),
    *("channel_accounts", "channel_contacts", "channel_inbox", "channel_outbox", "channel_threads"),
    "listed_tools",
    *("model_days", "outcome_days", "tool_days", "usage_hours"),
    *("api_keys", "api_usage", "client_integrations", "client_origins", "client_plugins", "client_tools"),
    *("integration_deliveries", "integration_endpoints", "knowledge_passages", "visitors", "waiting_turns"),
    *("embedding_batches", "embedding_refusals", "knowledge_embeddings"),
}
SHARED = {
    "admins",
    "admin_identities",
    "admin_links",
    "admin_recovery_codes",
    "admin_sessions",
    "api_tokens",
    "audit_log",
    "clients",
    "incidents",
    "job_runs",
    "model_prices",
    "oidc_sign_ins",
    "plans",
    "schema_state",
    "switches",
    "tools",
    "workers",
}
"""No client owns their rows; `tools` has a client where one client's own systems offer a tool,
`audit_log` where a change was to a client's configuration, `incidents` where a client reached a limit."""


class Desk(PluginSettings):
    city: str = ""


@tool(read_only=True)
async def desk(ctx: PluginContext) -> dict[str, Any]:
    """Where the desk is."""
    return {"city": ctx.settings_as(Desk).city, "seen": ctx.resource("seen", lambda: ctx.client_id)}


DESK = SimpleNamespace(register_settings=hookimpl(lambda: Desk), register_tools=hookimpl(lambda: [desk]))


@dataclass
class Business:
    """A client, with words that only its own rows, prompts and webhooks may hold."""

    word: str
    client: TestClient
    requests: list[ModelRequest] = field(default_factory=list)

    @property
    def question(self) -> str:
        return f"What about the parcel from {self.word}?"

    def reply(self, request: ModelRequest) -> list[Step]:
        self.requests.append(request)
        if request.tool_choice == "none" or hasattr(request.messages[-1], "results"):
            return [f"It comes from {self.word}.", Usage(100, len(self.word))]
        # The same ids and calls for all, but for what they ask for.
        return [ToolCall("c1", "desk", {}), ToolCall("c2", "track", {"parcel": self.word})]


@dataclass
class Workflows:
    """One address for each client."""

    url: str = ""
    bodies: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append((request.match_info["word"], await request.json()))
        return web.json_response({"place": request.match_info["word"]})


@pytest.fixture
async def workflows() -> AsyncIterator[Workflows]:
    state = Workflows()
    app = web.Application()
    app.router.add_post("/{word}/track", state.handle)
    async with TestServer(app) as running:
        state.url = str(running.make_url("")).rstrip("/")
        yield state


@dataclass
class Installation:
    server: Server
    businesses: list[Business]

    async def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is stored, by table."""
        async with self.server.services.database.read() as connection:
            return {
                table.name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
                for table in Base.metadata.sorted_tables
            }

    async def say(self, business: Business, answer: Any = None) -> Any:
        answered = await self.server.say(business.question, answer, client=business.client)
        assert answered.json()["status"] == "completed", answered.text
        return answered.json()


@pytest.fixture
async def installation(make_server: ServerFactory, workflows: Workflows) -> Installation:
    by_question: dict[str, Business] = {}

    def play(request: ModelRequest) -> list[Step]:
        asked = [message.text for message in request.messages if isinstance(message, UserMessage)]
        return by_question[asked[-1]].reply(request)

    server = await make_server(
        ScriptedProvider(play, is_endless=True),
        plugins={"n8n": csai_tool_n8n, "desk": DESK},
        egress_allow="127.0.0.0/8",
    )
    async with server.services.database.write() as transaction:
        await Catalog(transaction).add(
            "track",
            backend="n8n",
            now=server.services.clock.now(),
            description="Tracks a parcel.",
            parameters_schema={"type": "object", "properties": {"parcel": {"type": "string"}}},
        )
    businesses = []
    clients = (server.client, await server.add_client(name="Second"))
    for word, client in zip(("Valparaiso", "Reykjavik"), clients, strict=True):
        business = Business(word, client)
        by_question[business.question] = business
        businesses.append(business)
        await set_up(server, business, workflows)
    return Installation(server, businesses)


async def set_up(server: Server, business: Business, workflows: Workflows) -> None:
    client, word, now = business.client, business.word, server.services.clock.now()
    async with server.services.database.write() as transaction:
        clients = ClientRepository(transaction, client.id)
        await clients.set_plugin("desk", enabled=True, settings={"city": word}, secrets=None, now=now)
        await clients.update_settings({"provider": "scripted", "prompt": f"You work for {word}."})
        await ToolRepository(transaction, client.id).enable(
            "track", webhook_url=f"{workflows.url}/{word}/track"
        )
        await KnowledgeRepository(transaction, client.id).add(
            [PassageDraft("Parcels", f"Every parcel from {word} takes three days.")], at=now
        )
        await clients.bump()


async def test_turns_of_two_clients_at_once_share_no_word(
    installation: Installation, workflows: Workflows
) -> None:
    first, second = installation.businesses
    for _ in range(2):
        await asyncio.gather(*(installation.say(each) for each in (first, second) * 3))

    for business, other in ((first, second), (second, first)):
        assert len(business.requests) == 12
        for request in business.requests:
            assert business.word in request.system
            assert [business.word in passage.text for passage in request.passages] == [True]
            assert other.word not in repr(request)
        told = [result.content for each in business.requests for result in results_of(each)]
        assert {json.loads(text).get("city", business.word) for text in told} == {business.word}
        assert {json.loads(text).get("seen", business.client.id) for text in told} == {business.client.id}
        called = [body for word, body in workflows.bodies if word == business.word]
        assert len(called) == 6
        assert {body["client_id"] for body in called} == {business.client.id}
        assert {body["arguments"]["parcel"] for body in called} == {business.word}


def results_of(request: ModelRequest) -> Any:
    return getattr(request.messages[-1], "results", ())


async def test_history_is_that_of_the_client_and_conversation(installation: Installation) -> None:
    first, second = installation.businesses
    begun = await installation.say(first)
    await installation.say(second)

    await installation.say(first, begun)

    assert sum(first.question in repr(message) for message in first.requests[-1].messages) == 2
    refused = await installation.server.say("And mine?", begun, client=second.client)
    unknown = await installation.server.say(
        "And mine?", {"session_id": "0190a0b0-0000-7000-8000-000000000000"}, client=second.client
    )
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert without_request_id(refused.json()) == without_request_id(unknown.json())


def without_request_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


async def test_a_turn_writes_rows_of_its_own_client_only(installation: Installation) -> None:
    first, second = installation.businesses
    await installation.say(second)
    before = await installation.rows()

    await installation.say(first)

    after = await installation.rows()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == WRITTEN_BY_A_TURN
    for name in changed:
        new = [row for row in after[name] if row not in before[name]]
        assert {row["client_id"] for row in new} == {first.client.id}, name
        assert [row for row in after[name] if row["client_id"] == second.client.id] == [
            row for row in before[name] if row["client_id"] == second.client.id
        ], name


async def test_no_row_of_a_client_holds_what_is_another_s(installation: Installation) -> None:
    first, second = installation.businesses
    await asyncio.gather(*(installation.say(each) for each in (first, second)))

    for name, rows in (await installation.rows()).items():
        for row in rows:
            owner = row["id"] if name == "clients" else row.get("client_id")
            for business, other in ((first, second), (second, first)):
                if owner == business.client.id:
                    assert other.word not in repr(row), name
                    assert other.client.id not in repr(row), name


async def test_what_is_metered_for_a_client_is_what_it_used(installation: Installation) -> None:
    first, second = installation.businesses
    for business, turns in ((first, 3), (second, 1)):
        for _ in range(turns):
            await installation.say(business)

    for business, turns in ((first, 3), (second, 1)):
        ledger = await installation.server.rows(LedgerEntry, client_id=business.client.id)
        counters = await installation.server.rows(Counter, client_id=business.client.id)
        own_turns = {row["id"] for row in await installation.server.rows(Turn, client_id=business.client.id)}
        assert {row["turn_id"] for row in ledger} == own_turns
        assert len(ledger) == 2 * turns
        used = {row["metric"]: row["used"] for row in counters}
        tokens = sum(row["tokens_input"] + row["tokens_output"] for row in ledger)
        assert used == {"conversations": turns, "messages": turns, "tokens": tokens, "tool_calls": 2 * turns}


def test_every_table_has_an_owner_or_is_listed_as_shared() -> None:
    owned = {
        table.name
        for table in Base.metadata.sorted_tables
        if "client_id" in table.columns and not table.columns["client_id"].nullable
    }

    assert owned == WRITTEN_BY_A_TURN | OTHER_OWNED
    assert set(Base.metadata.tables) - owned == SHARED
