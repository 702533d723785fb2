"""What the shop says of itself is believed when it is signed, and of this shop."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from csai_integration_shopify.integration import Shopify
from csai_integration_shopify.settings import ShopifyConnection
from csai_sdk import Connection, ConnectionNews, WebhookForged, WebhookRequest
from csai_testkit.context import make_context

from plugins.integrations.shopify.tests.shop import SECRET, SHOP, VECTORS

CUSTOMER = {"id": 207119551, "email": "Bob.Norman@hostmail.com", "phone": "+354 555 0142"}


async def receive(request: WebhookRequest, **settings: Any) -> list[ConnectionNews]:
    given = ShopifyConnection.model_validate({"shop": SHOP, "client_secret": SECRET, **settings})
    return list(await Shopify().receive(request, Connection("connection", given), make_context()))


def delivery(
    topic: str, body: Any, *, secret: str = SECRET, shop: str = SHOP, **headers: str
) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
    sent = {
        "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        "x-shopify-shop-domain": shop,
        "x-shopify-topic": topic,
        "x-shopify-webhook-id": "b54557e4",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return WebhookRequest("POST", "https://csai.example/webhook", sent, raw)


async def test_a_recorded_signature_fits() -> None:
    path = VECTORS / "signatures" / "vectors.json"
    if not path.exists():
        pytest.skip("the recorded signatures are not in this checkout: shared/vectors/signatures")
    recorded = json.loads(path.read_text())["shopify"]
    headers = {"x_shopify_hmac_sha256": recorded["X-Shopify-Hmac-Sha256"]}
    request = delivery("orders/updated", recorded["body"].encode(), **headers)

    assert len(await receive(request, client_secret=recorded["secret"])) == 1
    with pytest.raises(WebhookForged):
        await receive(request, client_secret=recorded["secret"] + "x")


@pytest.mark.parametrize("topic", ["orders/updated", "products/update", "inventory_levels/update"])
async def test_changes_make_what_was_read_stale_and_no_more(topic: str) -> None:
    assert await receive(delivery(topic, {"id": 1, "customer": CUSTOMER})) == [ConnectionNews("b54557e4")]


async def test_what_is_of_no_interest_is_nothing() -> None:
    assert await receive(delivery("themes/update", {})) == []


async def test_an_uninstalled_app_disconnects() -> None:
    (uninstalled,) = await receive(delivery("app/uninstalled", {"myshopify_domain": SHOP}))
    (forgotten,) = await receive(delivery("shop/redact", {"shop_domain": SHOP, "shop_id": 1}))

    assert (uninstalled.is_disconnected, uninstalled.topic) == (True, "app/uninstalled")
    assert (forgotten.is_disconnected, forgotten.topic) == (True, "shop/redact")


async def test_a_customer_to_be_forgotten_is_named_in_every_way_csai_may_know_them() -> None:
    (news,) = await receive(delivery("customers/redact", {"shop_domain": SHOP, "customer": CUSTOMER}))

    assert set(news.erased_visitors) == {
        "bob.norman@hostmail.com",
        "Bob.Norman@hostmail.com",
        "email:bob.norman@hostmail.com",
        "+3545550142",
        "+354 555 0142",
        "whatsapp:+3545550142",
        "sms:+3545550142",
        "207119551",
        "gid://shopify/Customer/207119551",
    }
    assert not news.is_disconnected
    assert "hostmail" not in repr(news)


async def test_a_wish_for_data_is_for_the_audit_log_without_personal_data() -> None:
    said = {"shop_domain": SHOP, "customer": CUSTOMER, "data_request": {"id": 1}}

    assert await receive(delivery("customers/data_request", said)) == [
        ConnectionNews("b54557e4", "customers/data_request")
    ]


@pytest.mark.parametrize(
    "request_",
    [
        delivery("orders/updated", {}, secret="another"),
        delivery("orders/updated", {}, x_shopify_hmac_sha256=""),
        delivery("orders/updated", {}, x_shopify_hmac_sha256="\u20ac"),
        delivery("orders/updated", {}, shop="other.myshopify.com"),
        delivery("orders/updated", {}, x_shopify_webhook_id=""),
        delivery("orders/updated", b"no json"),
        # Of another shop of the same app, whatever the headers say.
        delivery("customers/redact", {"shop_domain": "other.myshopify.com", "customer": CUSTOMER}),
        delivery("app/uninstalled", {"myshopify_domain": "other.myshopify.com"}),
        # An order's delivery, sent again under another topic.
        delivery("customers/redact", {"id": 1, "customer": CUSTOMER}),
        delivery("app/uninstalled", {"id": 1}),
    ],
)
async def test_what_is_not_surely_of_this_shop_is_forged(request_: WebhookRequest) -> None:
    with pytest.raises(WebhookForged):
        await receive(request_)


@pytest.mark.parametrize("secret", [None, ""])
async def test_without_a_secret_nothing_is_believed(secret: str | None) -> None:
    with pytest.raises(WebhookForged):
        await receive(delivery("orders/updated", {}, secret=""), client_secret=secret)
