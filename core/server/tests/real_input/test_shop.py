"""A whole turn with Shopify: the model may write what it likes, and sees the visitor's own orders."""

from __future__ import annotations

import json
from typing import Any

import csai_integration_shopify
import jwt
import pytest
from csai.clients.repository import ClientRepository
from csai.models import Client
from csai_integration_shopify.order import NOT_FOUND
from csai_sdk import ToolCall
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from plugins.integrations.shopify.tests.shop import make_order, visit
from tests.support.operator import sign_in
from tests.support.server import ServerFactory
from tests.support.systems import connect

SECRET = "an-identity-secret-of-32-characters!"
BOB, EVE = "bob@example.com", "eve@example.com"


@pytest.mark.parametrize("written", ["#1002", "1002", '1002" OR name:"1002', EVE, "#9999"])
async def test_a_model_that_asks_for_anothers_order_hears_that_there_is_none(
    make_server: ServerFactory, written: str
) -> None:
    own, others = ToolCall("c1", "get_order_status", {"order": "1001"}), {"order": written}
    provider = ScriptedProvider([own, ToolCall("c2", "get_order_status", others)], ["There."])
    async with visit() as at:
        at.shop.orders = [
            make_order("#1001", email=BOB, customer_id=1),
            make_order("#1002", email=EVE, customer_id=2),
        ]
        server = await make_server(
            provider,
            plugins={"shopify": csai_integration_shopify},
            egress_allow="127.0.0.0/8",
        )
        kept = server.services.keyring.encrypt(SECRET, f"client:{server.client.id}/identity")
        async with server.services.database.write() as transaction:
            await transaction.execute(update(Client).values(identity_secret=kept))
            await ClientRepository(transaction, server.client.id).bump()
        operator = await sign_in(server)
        settings = at.connection.settings.model_dump(mode="json", include={"shop", "base_url"})
        connected = await connect(
            operator, type_="shopify", access_token="shpat_0123456789abcdef", **settings
        )
        await connected.offer("get_order_status")
        token = jwt.encode({"sub": BOB, "exp": 4_000_000_000}, SECRET, algorithm="HS256")

        await server.say("Where is my order?", user_token=token)

    results: Any = provider.requests[1].messages[-1].results  # type: ignore[union-attr]
    assert json.loads(results[0].content)["order"] == "#1001"
    assert results[1].content == NOT_FOUND
