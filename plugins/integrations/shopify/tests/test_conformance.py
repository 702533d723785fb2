"""The Shopify plugin keeps what the SDK asks of integrations, and of those who take webhooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_integration_shopify.settings import ShopifyConnection
from csai_sdk import Connection, ConnectionNews, Endpoint, Integration, WebhookRequest
from csai_testkit.conformance import IntegrationSuite, Scene, WebhookSuite
from csai_testkit.replay import Exchange

SHOP = "my-shop.myshopify.com"


class TestShopify(WebhookSuite, IntegrationSuite):
    plugin = "csai_integration_shopify"

    def connection(self, url: str, secret: str) -> Mapping[str, Any]:
        return {"shop": SHOP, "base_url": url, "access_token": secret, "client_secret": secret}

    def endpoint(self, url: str) -> Endpoint:
        return Endpoint("find_products")

    def arguments(self, text: str) -> Mapping[str, Any]:
        return {"text": text}

    def answer(self, text: str) -> Sequence[Exchange]:
        product = {"title": text, "status": "ACTIVE", "publishedAt": "2026-01-01T00:00:00Z"}
        said = {"data": {"products": {"nodes": [product], "pageInfo": {"hasNextPage": False}}}}
        return [Exchange.of_json("/admin/api/2026-10/graphql.json", said)]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        body = json.dumps({"name": text, "note": delivery_id}).encode()
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "x-shopify-shop-domain": SHOP,
            "x-shopify-topic": "orders/updated",
            "x-shopify-webhook-id": delivery_id,
        }
        return WebhookRequest("POST", "https://csai.example/webhook", headers, body)

    async def receive(self, part: Integration, request: WebhookRequest, scene: Scene) -> list[Any]:
        given = ShopifyConnection.model_validate(self.connection(scene.url, scene.secret))
        return list(await part.receive(request, Connection("connection", given), scene.ctx))

    def identity_of(self, read: ConnectionNews) -> str:
        return read.id
