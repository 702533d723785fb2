"""The WooCommerce plugin keeps what the SDK asks of integrations, and of those who take webhooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_integration_woocommerce.settings import WooCommerceConnection
from csai_sdk import Connection, ConnectionNews, Endpoint, Integration, WebhookRequest
from csai_testkit.conformance import IntegrationSuite, Scene, WebhookSuite
from csai_testkit.replay import Exchange

PRODUCTS = "/wp-json/wc/v3/products"


class TestWooCommerce(WebhookSuite, IntegrationSuite):
    plugin = "csai_integration_woocommerce"

    def connection(self, url: str, secret: str) -> Mapping[str, Any]:
        return {
            "base_url": url,
            "consumer_key": "ck_1",
            "consumer_secret": secret,
            "webhook_secret": secret,
        }

    def endpoint(self, url: str) -> Endpoint:
        return Endpoint("find_products")

    def arguments(self, text: str) -> Mapping[str, Any]:
        return {"text": text}

    def answer(self, text: str) -> Sequence[Exchange]:
        body = json.dumps([{"name": text, "status": "publish"}]).encode()
        return [Exchange("GET", PRODUCTS, 200, {"content-type": "application/json"}, body)]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        body = json.dumps({"name": text, "note": delivery_id}).encode()
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "x-wc-webhook-signature": base64.b64encode(digest).decode(),
            "x-wc-webhook-topic": "order.updated",
            "x-wc-webhook-delivery-id": delivery_id,
        }
        return WebhookRequest("POST", "https://csai.example/webhook", headers, body)

    async def receive(self, part: Integration, request: WebhookRequest, scene: Scene) -> list[Any]:
        given = WooCommerceConnection.model_validate(self.connection(scene.url, scene.secret))
        return list(await part.receive(request, Connection("connection", given), scene.ctx))

    def identity_of(self, read: ConnectionNews) -> str:
        return read.id
