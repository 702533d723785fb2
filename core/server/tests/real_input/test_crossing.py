"""A conversation that crosses systems: asked on WhatsApp, looked up at Shopify, answered on WhatsApp."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import csai_channel_whatsapp
import csai_integration_shopify
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai.models import ChannelOutbound, LedgerEntry, Message, ToolExecution
from csai_integration_shopify.order import NOT_FOUND
from csai_sdk import ToolCall
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from plugins.channels.whatsapp.tests.test_conformance import delivery, text
from plugins.integrations.shopify.tests.shop import make_order, visit
from tests.support.operator import sign_in
from tests.support.server import Server, ServerFactory
from tests.support.systems import connect

PHONE = "+3545550143"
APP_SECRET, TOKEN = "the app's secret", "the-token"


@dataclass
class Meta:
    """The Graph API, as far as a number's messages go."""

    url: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        body = await request.json()
        if body.get("status") == "read":
            return web.json_response({"success": True})
        self.sent.append(body)
        return web.json_response({"messages": [{"id": f"wamid.out.{len(self.sent)}"}]})


@asynccontextmanager
async def meta() -> AsyncIterator[Meta]:
    vendor, app = Meta(), web.Application()
    app.router.add_post("/v23.0/106/messages", vendor.answer)
    async with TestServer(app) as server:
        vendor.url = str(server.make_url("")).rstrip("/")
        yield vendor


async def work(server: Server) -> None:
    """Do all that channels have left to do."""
    channels = server.services.channels
    while tasks := await channels.claim():
        for task in tasks:
            await channels.do(task.kind, task.client_id, task.item_id, task.number)


@pytest.mark.parametrize(("phone", "is_own"), [(PHONE, True), ("+3545559999", False)])
async def test_an_order_is_asked_for_on_whatsapp_looked_up_at_shopify_and_answered(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, phone: str, is_own: bool
) -> None:
    provider = ScriptedProvider(
        [ToolCall("c1", "get_order_status", {"order": "1001"})], ["It left **this morning**."]
    )
    async with meta() as graph, visit() as at:
        monkeypatch.setenv("WHATSAPP_BASE_URL", graph.url)
        at.shop.orders = [make_order("#1001", phone=phone, customer_id=1, customer_phone=phone)]
        plugins = {"shopify": csai_integration_shopify, "whatsapp": csai_channel_whatsapp}
        # At the moment when WhatsApp says that the message was written.
        server = await make_server(provider, plugins=plugins, clock=FakeClock(), egress_allow="127.0.0.0/8")
        operator = await sign_in(server)
        shop = at.connection.settings.model_dump(mode="json", include={"shop", "base_url"})
        connected = await connect(operator, type_="shopify", access_token="shpat_0123456789abcdef", **shop)
        await connected.offer("get_order_status")
        added = await operator.ask(
            "POST",
            f"/admin/clients/{server.client.id}/channels",
            json={
                "channel": "whatsapp",
                "name": "Support",
                "settings": {
                    "phone_number_id": "106",
                    "access_token": TOKEN,
                    "app_secret": APP_SECRET,
                    "verify_token": "v",
                },
            },
        )
        assert added.status_code == 201, added.text
        asked = delivery(APP_SECRET, text("Where is my order 1001?", "wamid.in.1"))

        for _ in range(2):
            answer = await deliver(server, added.json()["webhook_path"], asked)
            assert answer.status_code == 200
            await work(server)

    (results,) = [each.results for each in provider.requests[1].messages[-1:]]  # type: ignore[union-attr]
    assert ("#1001" in results[0].content) is is_own
    assert (results[0].content == NOT_FOUND) is not is_own
    (sent,) = graph.sent
    assert (sent["to"], sent["text"]["body"]) == (PHONE.lstrip("+"), "It left *this morning*.")
    (piece,) = await server.rows(ChannelOutbound)
    assert piece["status"] == "sent"
    assert [row["role"] for row in await server.rows(Message)] == ["user", "assistant"]
    (call,) = await server.rows(ToolExecution)
    assert (call["tool_name"], call["success"]) == ("get_order_status", is_own)
    booked = await server.rows(LedgerEntry)
    assert len(booked) == 2
    assert all(row["tokens_input"] > 0 for row in booked)


async def deliver(server: Server, path: str, request: Any) -> httpx.Response:
    return await server.http.post(path, content=request.body, headers=dict(request.headers))
