"""What a client has switched on, and how it is set, is what its next turn works with; nobody else's does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from csai.clients.repository import ClientRepository
from csai.models import Client, ClientPlugin
from csai_sdk import PluginContext, PluginSettings, ToolCall, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider
from pydantic import SecretStr, field_validator
from sqlalchemy import update

from tests.support.server import Server, ServerFactory, TestClient


class ShopSettings(PluginSettings):
    city: str = "nowhere"
    shelves: int = 1
    token: SecretStr | None = None

    @field_validator("city")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value == "Atlantis":
            raise RuntimeError("a defect of the plugin")
        return value


class Line:
    """What the plugin keeps for a client."""

    def __init__(self, client_id: str | None) -> None:
        self.client_id = client_id
        self.closed = asyncio.Event()

    async def aclose(self) -> None:
        self.closed.set()


class Shop:
    """One plugin instance that all clients share, with a tool that tells what it was handed."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.before_answer = asyncio.Event()
        self.before_answer.set()
        self.calls = 0
        self._called = asyncio.Condition()

        @tool(read_only=True)
        async def tell(ctx: PluginContext) -> dict[str, Any]:
            """Tells where the shop is."""
            before = self._told(ctx)
            async with self._called:
                self.calls += 1
                self._called.notify_all()
            await self.before_answer.wait()
            assert self._told(ctx) == before
            return before

        @hookimpl
        async def reply_sent(ctx: PluginContext) -> None:
            assert not self._line(ctx).closed.is_set()

        self.module = SimpleNamespace(
            register_settings=hookimpl(lambda: ShopSettings),
            register_tools=hookimpl(lambda: [tell]),
            reply_sent=reply_sent,
        )

    def _told(self, ctx: PluginContext) -> dict[str, Any]:
        settings = ctx.settings_as(ShopSettings)
        line = self._line(ctx)
        return {
            "city": settings.city,
            "token": settings.token.get_secret_value() if settings.token else None,
            "client": ctx.client_id,
            "line": line.client_id,
        }

    def _line(self, ctx: PluginContext) -> Line:
        return ctx.resource("line", lambda: self._open(ctx))

    def _open(self, ctx: PluginContext) -> Line:
        self.lines.append(Line(ctx.client_id))
        return self.lines[-1]

    async def called(self, times: int) -> None:
        async with asyncio.timeout(20), self._called:
            await self._called.wait_for(lambda: self.calls >= times)


def reply(request: Any) -> list[Any]:
    """Call the tool where there is one, then say what it told."""
    last = request.messages[-1]
    if hasattr(last, "results"):
        return [last.results[0].content]
    return [ToolCall("c", "tell", {})] if request.tools else ["No tools."]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def server(make_server: ServerFactory, shop: Shop) -> Server:
    provider = ScriptedProvider(reply, is_endless=True)
    return await make_server(provider, plugins={"shop": shop.module})


async def switch(
    server: Server,
    client: TestClient,
    *,
    enabled: bool = True,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> None:
    owner = f"client:{client.id}/plugin:shop"
    token = server.services.keyring.encrypt(json.dumps(secrets), owner) if secrets else None
    async with server.services.database.write() as transaction:
        await ClientRepository(transaction, client.id).set_plugin(
            "shop", enabled=enabled, settings=settings or {}, secrets=token, now=server.services.clock.now()
        )


async def told(server: Server, client: TestClient | None = None, **body: Any) -> Any:
    """What the tool told in a turn of the client, or the words of a turn without it."""
    answer = (await server.say("Where are you?", client=client, **body)).json()
    assert answer["status"] == "completed", answer
    text = answer["message"]["content"]
    return json.loads(text) if text.startswith("{") else text


async def test_a_plugin_switched_off_is_gone_at_the_next_turn_of_that_client_only(server: Server) -> None:
    other = await server.add_client()
    assert (await told(server))["client"] == server.client.id

    await switch(server, server.client, enabled=False)

    assert await told(server) == "No tools."
    assert (await told(server, other))["client"] == other.id
    await switch(server, server.client)
    assert (await told(server))["client"] == server.client.id


async def test_a_plugin_that_a_client_was_never_given_is_off(server: Server) -> None:
    server.plugins.remove("shop")
    other = await server.add_client()

    assert await told(server, other) == "No tools."


async def test_another_process_follows_at_its_next_turn(
    server: Server, make_server: ServerFactory, shop: Shop
) -> None:
    elsewhere = await make_server(ScriptedProvider(reply, is_endless=True), plugins={"shop": Shop().module})
    assert (await told(elsewhere, server.client))["city"] == "nowhere"

    await switch(server, server.client, settings={"city": "Haifa"})

    assert (await told(elsewhere, server.client))["city"] == "Haifa"
    await switch(server, server.client, enabled=False)
    assert await told(elsewhere, server.client) == "No tools."


async def test_a_turn_keeps_the_view_it_began_with_and_what_that_holds_open(
    server: Server, shop: Shop
) -> None:
    await switch(server, server.client, settings={"city": "Haifa"})
    shop.before_answer.clear()
    running = asyncio.create_task(told(server))
    await shop.called(1)

    await switch(server, server.client, settings={"city": "Acre"})
    later = asyncio.create_task(told(server))
    await shop.called(2)
    first, second = shop.lines
    assert not first.closed.is_set()
    shop.before_answer.set()

    assert ((await running)["city"], (await later)["city"]) == ("Haifa", "Acre")
    async with asyncio.timeout(10):
        await first.closed.wait()
    assert not second.closed.is_set()
    await server.services.close()
    assert second.closed.is_set()
    assert shop.lines == [first, second]


@pytest.mark.parametrize(
    "settings", [{"shelves": "many"}, {"city": 7}, {"city": "Atlantis"}], ids=["words", "number", "defect"]
)
async def test_settings_that_do_not_fit_keep_the_plugin_out_for_that_client_only(
    server: Server, settings: Mapping[str, Any]
) -> None:
    other = await server.add_client()

    await switch(server, server.client, settings=settings)

    assert await told(server) == "No tools."
    assert (await told(server, other))["client"] == other.id


async def test_a_secret_is_read_by_its_owner_and_by_nobody_whose_row_it_was_moved_to(server: Server) -> None:
    thief = await server.add_client()
    await switch(server, server.client, secrets={"token": "the owner's"})
    (token,) = [row["secrets"] for row in await server.rows(ClientPlugin) if row["secrets"]]
    assert "owner" not in token
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(ClientPlugin)
            .where(ClientPlugin.client_id == thief.id, ClientPlugin.plugin == "shop")
            .values(secrets=token)
        )
        await ClientRepository(transaction, thief.id).bump()

    assert (await told(server))["token"] == "the owner's"
    assert await told(server, thief) == "No tools."


async def test_clients_whose_calls_run_at_once_in_one_plugin_do_not_meet(server: Server, shop: Shop) -> None:
    clients = [server.client, *[await server.add_client() for _ in range(3)]]
    for number, client in enumerate(clients):
        await switch(server, client, settings={"city": f"city {number}"}, secrets={"token": f"{number}"})
    shop.before_answer.clear()
    running = [asyncio.create_task(told(server, client)) for client in clients * 2]
    await shop.called(len(running))
    shop.before_answer.set()

    answers = await asyncio.gather(*running)

    assert answers == 2 * [
        {"city": f"city {number}", "token": f"{number}", "client": client.id, "line": client.id}
        for number, client in enumerate(clients)
    ]
    assert sorted(str(line.client_id) for line in shop.lines) == sorted(client.id for client in clients)


async def test_a_tool_that_its_plugin_no_longer_has_is_not_offered(
    server: Server, make_server: ServerFactory
) -> None:
    module = SimpleNamespace(register_settings=hookimpl(lambda: ShopSettings))
    upgraded = await make_server(ScriptedProvider(reply, is_endless=True), plugins={"shop": module})

    assert await told(upgraded, server.client) == "No tools."


async def test_a_client_without_a_usable_provider_is_told_so_kindly(server: Server) -> None:
    async with server.services.database.write() as transaction:
        await transaction.execute(
            update(ClientPlugin).where(ClientPlugin.plugin == "test").values(enabled=False)
        )
        await transaction.execute(update(Client).values(config_version=Client.config_version + 1))

    answer = (await server.say("Hi")).json()

    assert answer["status"] == "failed"
    assert answer["message"]["content"]


async def test_providers_of_the_installation_are_warm_before_the_first_call(
    make_server: ServerFactory,
) -> None:
    warmed: list[str] = []

    class Slow(ScriptedProvider):
        def is_configured(self, ctx: PluginContext) -> bool:
            return self.id != "unconfigured"

        async def warm_up(self) -> None:
            warmed.append(self.id)
            if self.id == "broken":
                raise RuntimeError("cannot")

    server = await make_server(Slow(id="broken"), Slow(["Hi."], id="fine"), Slow(id="unconfigured"))
    await server.services.background[0]

    assert warmed == ["broken", "fine"]
