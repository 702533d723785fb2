"""What the shop says of itself is believed when it is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from csai_integration_woocommerce.integration import WooCommerce
from csai_integration_woocommerce.settings import WooCommerceConnection
from csai_sdk import Connection, ConnectionNews, WebhookForged, WebhookRequest
from csai_testkit.context import make_context

BODY = b'{"id": 645, "status": "completed"}'


async def receive(request: WebhookRequest, secret: str | None = "a secret") -> list[ConnectionNews]:
    given = WooCommerceConnection.model_validate(
        {"base_url": "https://shop.example", "webhook_secret": secret}
    )
    return list(await WooCommerce().receive(request, Connection("connection", given), make_context()))


def delivery(body: bytes = BODY, *, secret: str = "a secret", **headers: Any) -> WebhookRequest:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    sent = {
        "x-wc-webhook-signature": base64.b64encode(digest).decode(),
        "x-wc-webhook-topic": "order.updated",
        "x-wc-webhook-delivery-id": "d1",
        **{f"x-wc-webhook-{name}": value for name, value in headers.items()},
    }
    return WebhookRequest("POST", "https://csai.example/webhook", sent, body)


async def test_changes_make_what_was_read_stale_and_no_more() -> None:
    assert await receive(delivery()) == [ConnectionNews("d1")]
    assert await receive(delivery(topic="coupon.created")) == []


async def test_the_unsigned_ping_of_a_new_webhook_is_answered_and_nothing_follows() -> None:
    ping = WebhookRequest("POST", "https://csai.example/webhook", {}, b"webhook_id=17")

    assert await receive(ping) == []
    assert await receive(ping, secret=None) == []


@pytest.mark.parametrize(
    "forged",
    [
        delivery(secret="another"),
        delivery(signature=""),
        delivery(signature="\u20ac"),
        delivery(signature=hmac.new(b"a secret", BODY, hashlib.sha256).hexdigest()),
        WebhookRequest("POST", "https://csai.example/webhook", dict(delivery().headers), BODY + b" "),
        WebhookRequest("POST", "https://csai.example/webhook", {}, b"webhook_id=17&x=1"),
    ],
)
async def test_what_is_not_signed_is_forged(forged: WebhookRequest) -> None:
    with pytest.raises(WebhookForged):
        await receive(forged)


@pytest.mark.parametrize("secret", [None, ""])
async def test_without_a_secret_nothing_is_believed(secret: str | None) -> None:
    with pytest.raises(WebhookForged):
        await receive(delivery(secret=""), secret=secret)
