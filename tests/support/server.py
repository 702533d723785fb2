"""A whole server in the test's own process, over a fresh database, with plugins the test writes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.app import create_app
from csai.clients.repository import ClientRepository
from csai.config import Settings
from csai.kit.crypto import key_hash, new_key
from csai.kit.identifier import new_id
from csai.logs import configure_logging
from csai.models import Base, Counter
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry
from csai.services import Services, build_services
from csai.tools.repository import ToolRepository
from csai_sdk import Clock, Provider, Tool, ToolBackend, hookimpl
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import insert, select

from tests.support.backend import Backend

# Unconfigured, it prints every variable of every frame, which takes seconds.
configure_logging("warning", is_json=True)

ORIGIN = "https://shop.example"


class PluginOf:
    """A plugin made of what the test hands it."""

    def __init__(
        self,
        *,
        providers: Sequence[Provider] = (),
        tools: Sequence[Tool] = (),
        backends: Sequence[ToolBackend] = (),
    ) -> None:
        self._providers, self._tools, self._backends = providers, tools, backends

    @hookimpl
    def register_providers(self) -> Sequence[Provider]:
        return self._providers

    @hookimpl
    def register_tools(self) -> Sequence[Tool]:
        return self._tools

    @hookimpl
    def register_tool_backends(self) -> Sequence[ToolBackend]:
        return self._backends


@dataclass
class TestClient:
    """A client of the installation, with its keys."""

    __test__ = False

    id: str
    secret_key: str
    publishable_key: str


@dataclass
class Server:
    """The server, and how a test talks to it."""

    services: Services
    http: httpx.AsyncClient
    client: TestClient
    plugins: list[str] = field(default_factory=list)

    async def say(
        self,
        text: str,
        answer: Mapping[str, Any] | None = None,
        *,
        client: TestClient | None = None,
        key: str | None = None,
        **body: Any,
    ) -> httpx.Response:
        """POST a message with the secret key, in the conversation of an earlier `answer` when given."""
        headers = {"X-API-Key": (client or self.client).secret_key}
        if key is not None:
            headers["Idempotency-Key"] = key
        if answer is not None:
            body["session_id"] = answer["session_id"]
        return await self.http.post("/chat/message", json={"message": text, **body}, headers=headers)

    def as_page(self, answer: Mapping[str, Any] | None = None, **headers: str) -> dict[str, str]:
        """The headers a widget on the client's page sends."""
        token = {"X-Session-Token": answer["session_token"]} if answer else {}
        return {"X-API-Key": self.client.publishable_key, "Origin": ORIGIN, **token, **headers}

    async def add_client(self, **values: Any) -> TestClient:
        """Another business, with every plugin on."""
        now = self.services.clock.now()
        client = TestClient(new_id(), new_key("sk"), new_key("pk"))
        async with self.services.database.write() as transaction:
            repository = ClientRepository(transaction, client.id)
            await repository.add(
                **{"name": "Shop", "plan_type": "default", "settings": {}, "created_at": now} | values
            )
            await repository.add_key(
                kind="secret", key_hash=key_hash(client.secret_key), hint="abcd", now=now
            )
            await repository.add_key(
                kind="publishable", key_hash=key_hash(client.publishable_key), hint="abcd", now=now
            )
            await repository.set_origins([ORIGIN])
            for plugin in self.plugins:
                await repository.set_plugin(plugin, enabled=True, settings={}, secrets=None, now=now)
            for tool in self.services.registry.tools:
                await ToolRepository(transaction, client.id).enable(tool)
        return client

    async def rows(self, model: type[Base], *columns: Any, **equal: Any) -> list[Any]:
        """What a table holds; whole rows as mappings, or the columns asked for."""
        table = model.__table__
        statement = select(*columns) if columns else select(table)
        for name, value in equal.items():
            statement = statement.where(table.c[name] == value)
        async with self.services.database.read() as connection:
            result = await connection.execute(statement)
            return list(result.all()) if columns else list(result.mappings())

    async def counters(self) -> dict[str, tuple[int, int]]:
        """What is used and what is reserved, by metric."""
        return {row["metric"]: (row["used"], row["reserved"]) for row in await self.rows(Counter)}

    async def insert(self, model: type[Base], /, **values: Any) -> None:
        async with self.services.database.write() as transaction:
            await transaction.execute(insert(model).values(**values))


ServerFactory = Callable[..., Awaitable[Server]]


@pytest.fixture
async def make_server(backend: Backend, tmp_path: Path) -> AsyncIterator[ServerFactory]:
    """Makes a server: `await make_server(provider, tools=[...], plugins={...}, limits={...}, **settings)`.

    A `registry` given to it may hold more plugins, and such as had to be kept out. Only with `has_watch`
    does it end what other servers left behind.
    """
    opened: list[tuple[Server, httpx.AsyncClient]] = []

    async def make(
        *providers: Provider,
        tools: Iterable[Tool] = (),
        backends: Iterable[ToolBackend] = (),
        plugins: Mapping[str, Any] | None = None,
        client: Mapping[str, Any] | None = None,
        limits: Mapping[str, int] | None = None,
        registry: PluginRegistry | None = None,
        clock: Clock | None = None,
        has_watch: bool = False,
        **settings: Any,
    ) -> Server:
        registry = registry or PluginRegistry()
        made = {
            "test": PluginOf(providers=providers, tools=list(tools), backends=list(backends)),
            **(plugins or {}),
        }
        for name, module in made.items():
            registry.register(Found(name, module, "test", "0"))
        assert not made.keys() & registry.quarantined.keys(), registry.quarantined
        services = build_services(
            Settings(
                database_url=backend.database_url,
                redis_url=backend.redis_url or "",
                data_dir=tmp_path / "data",
                **{
                    "rate_limit_client": 0,
                    "rate_limit_visitor": 0,
                    "database_pool_size": 10,
                    "response_cache_s": 0,
                    "redis_timeout_s": 10,
                }
                | settings,
            ),
            registry=registry,
            clock=clock,
        )
        await services.start(has_watch=has_watch)
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(services)), base_url="http://csai.test", timeout=30
        )
        server = Server(services, http, TestClient("", "", ""), list(registry.plugins))
        opened.append((server, http))
        plan = "default"
        if limits is not None:
            plan = "limited"
            await _add_plan(server, plan, limits)
        chain = [provider.id for provider in providers]
        settings_row = {"provider": chain[0], "fallback_providers": chain[1:]} if chain else {}
        values = dict(client or {})
        values["settings"] = settings_row | values.get("settings", {})
        server.client = await server.add_client(plan_type=plan, **values)
        return server

    yield make
    for server, http in opened:
        await http.aclose()
        await server.services.close()
    opened.clear()


async def _add_plan(server: Server, name: str, limits: Mapping[str, int]) -> None:
    from csai.models import Plan

    await server.insert(
        Plan,
        name=name,
        title=name,
        limits=dict(limits),
        features={},
        limit_message="",
        created_at=server.services.clock.now(),
    )


@pytest.fixture
async def echo_server(make_server: ServerFactory) -> Server:
    """A server whose model answers every question with "Hello!"."""
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True))


def sse_events(body: str) -> list[tuple[str, Any]]:
    """The events of a stream: name and data."""
    events = []
    for block in body.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events
