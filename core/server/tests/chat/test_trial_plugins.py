"""A test chat may have plugins on or off for itself alone, and confirms what it asks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from csai.clients.repository import ClientRepository
from csai.models import AuditEntry, ClientTool, Turn
from csai.plugins.view import ClientView
from csai_sdk import PluginContext, PluginSettings, ToolCall, hookimpl, tool
from csai_sdk.event import BeforeModelCall
from csai_testkit.scripted import ScriptedProvider
from pydantic import SecretStr
from sqlalchemy import delete

from core.server.tests.chat.trial_chat import ask, path_of, rounds, say, trial_server
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await trial_server(make_server)


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


class Shop:
    """A plugin with a tool that asks first, and counts what it did."""

    def __init__(self) -> None:
        self.done: list[str] = []

    @hookimpl
    def register_tools(self) -> Any:
        @tool(name="cancel_order", confirm=True)
        async def cancel_order(order_id: str) -> dict[str, str]:
            """Cancels an order."""
            self.done.append(order_id)
            return {"cancelled": order_id}

        return [cancel_order]

    @hookimpl
    async def before_model_call(self, event: BeforeModelCall, ctx: PluginContext) -> str:
        return "The shop is open."


@pytest.fixture
async def shop() -> Shop:
    return Shop()


@pytest.fixture
async def stage(make_server: ServerFactory, shop: Shop) -> Operator:
    """A client with the shop, and a model that wants to cancel."""
    call = ToolCall("c1", "cancel_order", {"order_id": "ORD-7"})
    provider = ScriptedProvider([call], ["Shall I cancel it?"], ["It is done."], is_endless=True)
    return await sign_in(await make_server(provider, plugins={"shop": shop}))


async def switch(operator: Operator, plugin: str, *, enabled: bool) -> None:
    path = f"/admin/clients/{operator.server.client.id}/plugins/{plugin}"
    assert (await operator.change(path, {"enabled": enabled})).status_code == 200


async def decide(operator: Operator, answer: Any, decision: str, **body: Any) -> httpx.Response:
    confirmation = answer["confirmations"][0]["id"]
    asked = {"session_id": answer["session_id"], "confirmation_id": confirmation, "decision": decision}
    return await operator.ask("POST", path_of(operator.server, "confirm"), json={**asked, **body})


async def test_a_plugin_is_off_for_one_test_message_alone(stage: Operator) -> None:
    without = await say(stage, plugins={"shop": False})
    as_is = await say(stage)

    (first,) = (await rounds(stage, without["session_id"]))[0]["rounds"][:1]
    assert first["request"]["tools"] == []
    assert "The shop is open." not in first["request"]["system"]
    (second,) = (await rounds(stage, as_is["session_id"]))[0]["rounds"][:1]
    assert "The shop is open." in second["request"]["system"]
    state = await stage.get(f"/admin/clients/{stage.server.client.id}/plugins/shop")
    assert state["enabled"] is True


async def test_a_plugin_that_is_off_is_tried_with_what_it_brings(stage: Operator) -> None:
    await switch(stage, "shop", enabled=False)
    async with stage.server.services.database.write() as transaction:
        await transaction.execute(delete(ClientTool))

    answer = await say(stage, "Cancel ORD-7", plugins={"shop": True})

    (asked,) = answer["confirmations"]
    assert asked["tool"] == "cancel_order"
    assert "cancel_order" not in await visitors_tools(stage.server)


async def visitors_tools(server: Server) -> set[str]:
    async with server.services.database.read() as connection:
        client = await ClientRepository(connection, server.client.id).get()
    return set((await server.services.views.get(server.client.id, client.config_version)).tools)


async def test_what_a_trial_had_open_is_closed_with_its_turn(stage: Operator) -> None:
    views = stage.server.services.views
    made: list[ClientView] = []
    build = views.trial

    async def watched(client_id: str, switched: Any) -> ClientView:
        made.append(await build(client_id, switched))
        return made[-1]

    views.trial = watched  # type: ignore[method-assign]
    await say(stage, plugins={"shop": False})
    assert (await ask(stage, plugins={"shop": False}, model="elsewhere/large")).status_code == 422

    assert [view.users for view in made] == [0, 0]
    assert all(view.is_outdated for view in made)


async def test_what_waits_for_a_word_is_told_until_it_was_said(stage: Operator) -> None:
    answer = await say(stage, "Cancel ORD-7")
    path = path_of(stage.server, answer["session_id"], "confirmations")
    waiting = (await stage.get(path))["confirmations"]

    assert waiting == answer["confirmations"]
    assert [each["tool"] for each in waiting] == ["cancel_order"]

    assert (await decide(stage, answer, "decline")).status_code == 200
    assert (await stage.get(path))["confirmations"] == []


@pytest.mark.parametrize(("plugin", "status"), [("nowhere", 404), ("locked", 422)])
async def test_a_plugin_that_cannot_be_on_is_refused(
    make_server: ServerFactory, plugin: str, status: int
) -> None:
    operator = await sign_in(await make_server(ScriptedProvider(["Hi."]), plugins={"locked": Locked()}))

    refused = await ask(operator, plugins={plugin: True})

    assert refused.status_code == status
    assert await operator.server.rows(Turn) == []


class Needed(PluginSettings):
    key: SecretStr


class Locked:
    """Works with a key alone."""

    @hookimpl
    def register_settings(self) -> type[PluginSettings]:
        return Needed


async def test_what_an_admin_confirms_is_done_once_and_stands_in_the_log(stage: Operator, shop: Shop) -> None:
    answer = await say(stage, "Cancel ORD-7", plugins={"shop": True})
    assert shop.done == []

    done = (await decide(stage, answer, "approve", plugins={"shop": True})).json()
    again = await decide(stage, answer, "approve", plugins={"shop": True})

    assert (done["status"], done["tool_calls"][0]["success"]) == ("completed", True)
    assert again.json()["turn_id"] == done["turn_id"]
    assert shop.done == ["ORD-7"]
    entries = await stage.server.rows(AuditEntry, action="test_chat.decided")
    assert entries[0]["after"]["decision"] == "approve"
    assert entries[0]["client_id"] == stage.server.client.id


async def test_what_an_admin_declines_is_not_done(stage: Operator, shop: Shop) -> None:
    answer = await say(stage, "Cancel ORD-7", plugins={"shop": True})

    assert (await decide(stage, answer, "decline", plugins={"shop": True})).status_code == 200
    assert (await decide(stage, answer, "approve", plugins={"shop": True})).status_code == 409

    assert shop.done == []


async def test_nobody_confirms_what_a_visitor_was_asked(stage: Operator, shop: Shop) -> None:
    answer = (await stage.server.say("Cancel ORD-7")).json()
    assert len(answer["confirmations"]) == 1

    assert (await decide(stage, answer, "approve")).status_code == 404
    assert shop.done == []
