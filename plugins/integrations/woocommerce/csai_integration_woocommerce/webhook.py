"""What the shop tells of itself: signed with the webhook's secret, and believed only then.

Source: https://developer.woocommerce.com/docs/best-practices/urls-and-routing/webhooks/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from csai_sdk import Connection, ConnectionNews, WebhookForged, WebhookRequest

from csai_integration_woocommerce.settings import WooCommerceConnection

_OF_INTEREST = ("order.", "product.", "customer.", "action.")
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


def read_news(request: WebhookRequest, connection: Connection) -> Sequence[ConnectionNews]:
    """Raises `WebhookForged`."""
    if _PING.fullmatch(request.body):
        # Sent unsigned when a webhook is saved, to see whether anybody answers. Nothing follows from it.
        return []
    settings = connection.settings_as(WooCommerceConnection)
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    if not secret:
        raise WebhookForged("the connection has no webhook secret")
    digest = hmac.new(secret.encode(), request.body, hashlib.sha256).digest()
    given = request.headers.get("x-wc-webhook-signature", "")
    if not hmac.compare_digest(base64.b64encode(digest), given.encode("utf-8", "replace")):
        raise WebhookForged("the signature is missing or wrong")
    delivery_id = request.headers.get("x-wc-webhook-delivery-id", "")[:200]
    if not delivery_id:
        raise WebhookForged("the delivery has no id")
    topic = request.headers.get("x-wc-webhook-topic", "")
    return [ConnectionNews(delivery_id)] if topic.startswith(_OF_INTEREST) else []
