"""What the shop tells of itself: signed with the app's secret, and believed only then.

Source: https://shopify.dev/docs/apps/build/webhooks/subscribe/https and
https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import Connection, ConnectionNews, WebhookForged, WebhookRequest

from csai_integration_shopify.identity import known_as
from csai_integration_shopify.settings import ShopifyConnection, VisitorIds

_OF_INTEREST = ("orders/", "fulfillments/", "products/", "inventory_levels/", "inventory_items/", "refunds/")
_GRAVE = {
    "app/uninstalled": "myshopify_domain",
    "shop/redact": "shop_domain",
    "customers/redact": "shop_domain",
    "customers/data_request": "shop_domain",
}
"""Where the body of such a delivery names the shop."""
_IDS: Mapping[str, VisitorIds] = {"email": "email", "phone": "phone", "id": "customer_id"}


def read_news(request: WebhookRequest, connection: Connection) -> Sequence[ConnectionNews]:
    """Raises `WebhookForged`."""
    settings = connection.settings_as(ShopifyConnection)
    _check_signature(request, settings)
    body = _body(request.body)
    topic = request.headers.get("x-shopify-topic", "").lower()
    # The headers are not signed: what cannot be undone is believed of a shop that the body names.
    of_shop = body.get(_GRAVE[topic]) if topic in _GRAVE else request.headers.get("x-shopify-shop-domain")
    if str(of_shop).lower() != settings.shop:
        raise WebhookForged("the delivery is of another shop")
    delivery_id = request.headers.get("x-shopify-webhook-id", "")[:200]
    if not delivery_id:
        raise WebhookForged("the delivery has no id")
    match topic:
        case "app/uninstalled" | "shop/redact":
            return [ConnectionNews(delivery_id, topic, is_disconnected=True)]
        case "customers/redact":
            return [ConnectionNews(delivery_id, topic, erased_visitors=_visitors(body))]
        case "customers/data_request":
            return [ConnectionNews(delivery_id, topic)]
    return [ConnectionNews(delivery_id)] if topic.startswith(_OF_INTEREST) else []


def _check_signature(request: WebhookRequest, settings: ShopifyConnection) -> None:
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    if not secret:
        raise WebhookForged("the connection has no client secret")
    digest = hmac.new(secret.encode(), request.body, hashlib.sha256).digest()
    given = request.headers.get("x-shopify-hmac-sha256", "")
    if not hmac.compare_digest(base64.b64encode(digest), given.encode("utf-8", "replace")):
        raise WebhookForged("the signature is missing or wrong")


def _body(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookForged("the delivery is no JSON") from None
    return said if isinstance(said, dict) else {}


def _visitors(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything that a visitor may be known by who is this customer."""
    customer = body.get("customer")
    if not isinstance(customer, Mapping):
        return ()
    ids: list[str] = []
    for name, kind in _IDS.items():
        ids += known_as(kind, customer.get(name))
    return tuple(dict.fromkeys(ids))
